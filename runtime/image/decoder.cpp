// The table of decoders, and the choice by content.
#include "runtime/image/decoder.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

#include "runtime/counted.h"
#include "runtime/error.h"
#include "runtime/memory.h"

namespace godwit::image {

// THE table: a format is one file, which defines its decoder, and a name in both lines here.
extern const Decoder jpeg_decoder, png_decoder;

namespace {

constexpr std::array kDecoders = {&jpeg_decoder, &png_decoder};

// "JPEG or PNG", with `between` for " or ".
std::string names(std::string_view between) {
  std::string text;
  for (const Decoder* decoder : kDecoders)
    text += fmt::format("{}{}", text.empty() ? "" : between, decoder->name);
  return text;
}

// The file, opened, given to `use`; errors name the path.
template <class Use>
auto with_rows(const std::string& path, const DecodeLimits& limits, const Use& use) {
  const MappedFile file(path);  // its errors name the path
  return with_context([&] { return fmt::format("'{}'", path); },
                      [&] {
                        if (file.size() > static_cast<std::size_t>(limits.max_file_bytes)) {
                          throw Error(fmt::format("the file has {}, more than the limit of {}",
                                                  counted(file.size(), "byte"), limits.max_file_bytes));
                        }
                        const std::span bytes(file.data(), file.size());
                        return use(*decoder_of(bytes).open(bytes, limits));
                      });
}

}  // namespace

std::span<const Decoder* const> decoders() { return kDecoders; }

const Decoder& decoder_of(std::span<const std::byte> file) {
  if (file.empty()) throw Error(fmt::format("the file is empty, expected a {} image", names(" or ")));
  for (const Decoder* decoder : kDecoders) {
    if (decoder->recognises(file)) return *decoder;
  }
  throw Error(fmt::format("the file is neither a {} image", names(" nor a ")));
}

bool has_image_extension(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot == std::string_view::npos || path.find('/', dot) != std::string_view::npos) return false;
  if (dot == 0 || path[dot - 1] == '/') return false;  // a hidden file without an ending
  std::string extension(path.substr(dot));
  std::ranges::transform(extension, extension.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return std::ranges::any_of(kDecoders, [&](const Decoder* decoder) {
    return std::ranges::find(decoder->extensions, extension) != decoder->extensions.end();
  });
}

std::string image_extensions() {
  std::vector<std::string_view> all;
  for (const Decoder* decoder : kDecoders)
    all.insert(all.end(), decoder->extensions.begin(), decoder->extensions.end());
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i)
    text += fmt::format("{}{}", i == 0 ? "" : i + 1 < all.size() ? ", " : " or ", all[i]);
  return text;
}

Image read_image(const std::string& path, const DecodeLimits& limits) {
  return with_rows(path, limits, [](Rows& rows) { return read_all(rows); });
}

Samples read_samples(const std::string& path, const DecodeLimits& limits) {
  return with_rows(path, limits, [](Rows& rows) {
    Samples samples{rows.width(), rows.height(), rows.stored(), {}};
    const auto row =
        static_cast<std::size_t>(samples.width) * static_cast<std::size_t>(samples.format.channels);
    samples.values.resize(row * static_cast<std::size_t>(samples.height));
    rows.select({0, 0, samples.width, samples.height});
    for (int y = 0; y < samples.height; ++y)
      rows.read_stored(samples.values.data() + static_cast<std::size_t>(y) * row);
    rows.finish();
    return samples;
  });
}

}  // namespace godwit::image
