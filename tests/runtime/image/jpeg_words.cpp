// Faults of JPEGs, one of each kind, and the sentences for them.
#include "runtime/image/jpeg_words.h"

#include <algorithm>
#include <cstdio>  // jpeglib.h needs FILE
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <span>
#include <string>

#include "runtime/image/jpeg.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/errors.h"

namespace godwit::image {
namespace {

using test::Bytes;

constexpr unsigned char kFrame = 0xc0, kHuffman = 0xc4, kScan = 0xda, kQuantization = 0xdb;

std::size_t segment(const Bytes& bytes, unsigned char marker) {
  const Bytes wanted{0xff, marker};
  const auto found = std::search(bytes.begin(), bytes.end(), wanted.begin(), wanted.end());
  return static_cast<std::size_t>(found - bytes.begin());
}

// The byte `at` behind the marker's 0xff, replaced.
Bytes changed(Bytes bytes, unsigned char marker, std::size_t at, unsigned char value) {
  bytes.at(segment(bytes, marker) + at) = value;
  return bytes;
}

Bytes inserted(Bytes bytes, std::size_t at, const Bytes& more) {
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
  return bytes;
}

Bytes segment_of(const Bytes& bytes, unsigned char marker) {
  const std::size_t begin = segment(bytes, marker);
  const std::size_t length = std::size_t{bytes.at(begin + 2)} * 256 + bytes.at(begin + 3);
  return {bytes.begin() + static_cast<std::ptrdiff_t>(begin),
          bytes.begin() + static_cast<std::ptrdiff_t>(begin + 2 + length)};
}

TEST(JpegWords, EachFaultHasItsSentence) {
  const Bytes good = test::encode_jpeg(40, 30),
              progressive = test::encode_jpeg(40, 30, {.progressive = true});
  Bytes coarse = good;
  for (const std::size_t component : {0, 1, 2}) coarse.at(segment(good, kFrame) + 11 + 3 * component) = 0x44;
  struct Case {
    Bytes bytes;
    std::string words;
  };
  const std::vector<Case> cases = {
      {{0xff, 0xd8, 0xff, 0xd9}, "its end marker comes before any image"},
      {changed(good, kFrame, 7, 0), ""},
      {changed(changed(good, kFrame, 7, 0), kFrame, 8, 0),
       "has a width, height or number of components of 0"},
      {inserted(good, 2, {0xff, 0xd8}), "it has two start markers"},
      {inserted(good, segment(good, kFrame), segment_of(good, kFrame)), "it has two frame headers"},
      {changed(good, kFrame, 1, 0xfe), "a scan comes before the frame header"},
      {inserted(good, 2, {0xff, 0x02}), "it has a marker 0x02, which stands for nothing"},
      {changed(changed(good, kHuffman, 2, 0), kHuffman, 3, 3),
       "a segment's length does not fit what is in it"},
      {changed(good, kHuffman, 4, 9), "it defines a Huffman table 9, expected 0 to 3"},
      {changed(good, kHuffman, 5, 0xff), "a Huffman table is damaged"},
      {changed(good, kScan, 6, 0x22), "a scan uses the Huffman table 2, which the file does not define"},
      {changed(good, kQuantization, 4, 7), "it defines a quantization table 7, expected 0 to 3"},
      {changed(good, kFrame, 12, 3),
       "a component uses the quantization table 3, which the file does not define"},
      {changed(good, kScan, 5, 99), "a scan names the component 99, which the frame has not"},
      {changed(good, kFrame, 11, 0), "a sampling factor is not 1 to 4"},
      {coarse, "sampling factors make more than 10 blocks of one scan's unit"},
      {changed(progressive, kScan, 5 + 2 * 3, 70), "a scan's parameters are not those of a progressive JPEG"},
      {changed(good, kFrame, 1, 0xc5), "its frame is of kind 0xc5 (lossless or hierarchical)"},
      {changed(good, kFrame, 4, 11), "it has 11 bits a sample, expected 8"},
  };
  for (const Case& each : cases) {
    const std::string error =
        support::error_of([&] { (void)decode_jpeg(std::as_bytes(std::span(each.bytes)), {}); });
    if (each.words.empty()) {
      EXPECT_EQ(error, "");
      continue;
    }
    EXPECT_TRUE(error.starts_with("cannot decode the JPEG: ")) << error;
    EXPECT_NE(error.find(each.words), std::string::npos) << error << " expected: " << each.words;
    EXPECT_NE(error.find("near byte "), std::string::npos) << error;
  }
}

// Covers all numbers that the library knows, and some that a newer one may.
TEST(JpegWords, NoneIsTheLibrarysOwn) {
  jpeg_error_mgr errors{};
  jpeg_std_error(&errors);
  for (int code = 0; code < errors.last_jpeg_message + 20; ++code) {
    const std::string sentence = sentence_of({code, {1, 2, 3, 4}, 5});
    EXPECT_FALSE(sentence.empty()) << code;
    EXPECT_EQ(sentence.find('{'), std::string::npos) << sentence;
    EXPECT_EQ(sentence.find("Bogus"), std::string::npos) << sentence;
    if (code > errors.last_jpeg_message) continue;
    const std::string theirs = errors.jpeg_message_table[code];
    EXPECT_EQ(sentence.find(theirs.substr(0, theirs.find('%'))), std::string::npos) << sentence;
  }
}

TEST(JpegWords, AnUnknownNumberIsToldAsSuch) {
  EXPECT_EQ(sentence_of({9999, {}, 17}), "the decoder gives up for its reason 9999, near byte 17");
}

}  // namespace
}  // namespace godwit::image
