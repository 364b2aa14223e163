// A table from libjpeg-turbo's message numbers to sentences.
#include "runtime/image/jpeg_words.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>  // jpeglib.h needs FILE
#include <fmt/format.h>
#include <jpeglib.h>
#include <string_view>
// After jpeglib.h, whose macros decide on some of the numbers of the messages.
#include <jerror.h>

namespace godwit::image {
namespace {

enum class Place : std::uint8_t { told, untold };

// `words` may name the report's values as {0} to {3}, and the byte as {4}.
struct Sentence {
  int code;
  std::string_view words;
  Place place = Place::told;
};

// All that decoding can report; the library's other numbers are of compressing, of temporary files and of
// wrong calls.
constexpr std::array kSentences = {
    // no image, or not all of it
    Sentence{JERR_NO_SOI, "it begins with {0:#04x} {1:#04x}, a JPEG with 0xff 0xd8", Place::untold},
    Sentence{JERR_INPUT_EMPTY, "the file is empty", Place::untold},
    Sentence{JERR_INPUT_EOF, "the file is cut off: it ends at byte {4}, before its end marker",
             Place::untold},
    Sentence{JWRN_JPEG_EOF, "the file is cut off: it ends at byte {4}, before its end marker", Place::untold},
    Sentence{JERR_NO_IMAGE, "its end marker comes before any image"},
    Sentence{JERR_EMPTY_IMAGE, "its frame header has a width, height or number of components of 0"},
    // order of the segments
    Sentence{JERR_SOI_DUPLICATE, "it has two start markers"},
    Sentence{JERR_SOF_DUPLICATE, "it has two frame headers"},
    Sentence{JERR_SOF_NO_SOS, "it has a frame header and no scan"},
    Sentence{JERR_SOS_NO_SOF, "a scan comes before the frame header"},
    Sentence{JERR_EOI_EXPECTED, "it has another scan where its end was expected"},
    // contents of the segments
    Sentence{JERR_BAD_LENGTH, "a segment's length does not fit what is in it"},
    Sentence{JERR_UNKNOWN_MARKER, "it has a marker {0:#04x}, which stands for nothing"},
    Sentence{JERR_DHT_INDEX, "it defines a Huffman table {0}, expected 0 to 3"},
    Sentence{JERR_BAD_HUFF_TABLE, "a Huffman table is damaged"},
    Sentence{JERR_NO_HUFF_TABLE, "a scan uses the Huffman table {0}, which the file does not define"},
    Sentence{JERR_DQT_INDEX, "it defines a quantization table {0}, expected 0 to 3"},
    Sentence{JERR_NO_QUANT_TABLE,
             "a component uses the quantization table {0}, which the file does not define"},
    Sentence{JERR_DAC_INDEX, "it defines an arithmetic table {0}, expected 0 to 31"},
    Sentence{JERR_DAC_VALUE, "an arithmetic table has the value {0:#04x}, which is out of range"},
#if JPEG_LIB_VERSION >= 70 || defined(D_ARITH_CODING_SUPPORTED)
    Sentence{JERR_NO_ARITH_TABLE, "a scan uses the arithmetic table {0}, which the file does not define"},
#endif
    Sentence{JERR_BAD_COMPONENT_ID,
             "a scan names the component {0}, which the frame has not, or the scan has twice"},
    Sentence{JERR_COMPONENT_COUNT, "it has {0} components, expected at most {1}"},
    Sentence{JERR_BAD_SAMPLING, "a sampling factor is not 1 to 4"},
    Sentence{JERR_BAD_MCU_SIZE, "sampling factors make more than 10 blocks of one scan's unit"},
    Sentence{JERR_BAD_PROGRESSION,
             "a scan's parameters are not those of a progressive JPEG (coefficients {0} to {1}, bits {2} and "
             "{3})"},
    Sentence{JERR_BAD_J_COLORSPACE, "its colour space does not fit its number of components"},
    Sentence{JERR_BAD_IN_COLORSPACE, "its colour space does not fit its number of components"},
    // what is legal and not read
    Sentence{JERR_SOF_UNSUPPORTED,
             "its frame is of kind {0:#04x} (lossless or hierarchical), which is not read; save it as "
             "baseline or progressive JPEG"},
    Sentence{JERR_BAD_PRECISION, "it has {0} bits a sample, expected 8"},
    Sentence{JERR_FRACT_SAMPLE_NOTIMPL,
             "sampling factors that do not divide each other are not read; save it with others"},
    Sentence{JERR_CCIR601_NOTIMPL, "CCIR 601 sampling is not read; save it with another"},
    Sentence{JERR_CONVERSION_NOTIMPL, "its colour space is not read; save it as RGB or gray"},
    Sentence{JERR_IMAGE_TOO_BIG, "a side has more pixels than {0}"},
    Sentence{JERR_WIDTH_OVERFLOW, "it is too wide"},
#if JPEG_LIB_VERSION < 70
    Sentence{JERR_ARITH_NOTIMPL,
             "it is coded arithmetically, which this libjpeg does not read; save it with Huffman codes"},
#endif
    Sentence{JERR_NOT_COMPILED, "it is coded in a way that this libjpeg does not read; save it as baseline"},
    Sentence{JERR_NOTIMPL, "it is coded in a way that this libjpeg does not read; save it as baseline"},
    Sentence{JERR_OUT_OF_MEMORY, "there is not enough memory", Place::untold},
    Sentence{JERR_NO_BACKING_STORE, "there is not enough memory", Place::untold},
    // what is mended
    Sentence{JWRN_HIT_MARKER, "data end before the last block, and what is missing is gray or guessed"},
    Sentence{JWRN_HUFF_BAD_CODE, "data hold a code that its Huffman table has not"},
#if JPEG_LIB_VERSION >= 70 || defined(D_ARITH_CODING_SUPPORTED)
    Sentence{JWRN_ARITH_BAD_CODE, "data hold an arithmetic code that is none"},
#endif
    Sentence{JWRN_EXTRANEOUS_DATA,
             "{0} bytes that belong to nothing before the marker {1:#04x} are passed over"},
    Sentence{JWRN_MUST_RESYNC, "the marker {0:#04x} stands where the restart marker {1} is expected"},
    Sentence{JWRN_BOGUS_PROGRESSION, "a scan improves the coefficient {1} of component {0} out of order"},
    Sentence{JWRN_NOT_SEQUENTIAL, "a scan has the parameters of a progressive JPEG, which this is not"},
    Sentence{JWRN_ADOBE_XFORM, "Adobe's marker has the colour transform {0}, expected 0 to 2"},
    Sentence{JWRN_JFIF_MAJOR, "JFIF's marker has the version {0}.{1:02}, expected 1"},
};

}  // namespace

std::string sentence_of(const JpegFault& fault) {
  const auto* found = std::ranges::find(kSentences, fault.code, &Sentence::code);
  if (found == kSentences.end())
    return fmt::format("the decoder gives up for its reason {}, near byte {}", fault.code, fault.byte);
  const auto& [a, b, c, d] = fault.values;
  std::string text = fmt::format(fmt::runtime(found->words), a, b, c, d, fault.byte);
  if (found->place == Place::told) text += fmt::format(", near byte {}", fault.byte);
  return text;
}

bool is_lack_of_memory(const JpegFault& fault) {
  return fault.code == JERR_OUT_OF_MEMORY || fault.code == JERR_NO_BACKING_STORE;
}

}  // namespace godwit::image
