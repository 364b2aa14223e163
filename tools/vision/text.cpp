// Encodings and line ends.
#include "tools/vision/text.h"

#include <algorithm>
#include <cstdint>
#include <fmt/format.h>

#include "runtime/error.h"

namespace godwit::vision {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";

std::size_t line_at(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto feeds = std::ranges::count(before, '\n');
  return 1 + static_cast<std::size_t>(feeds > 0 ? feeds : std::ranges::count(before, '\r'));
}

// Bytes of the UTF-8 character that begins here; 0 where there is none: too long for its value, cut off, half
// of a pair.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[at + i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  const std::uint8_t second = byte(1);
  const bool wrong = (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
                     (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f);
  return wrong ? 0 : length;
}

void append_utf8(std::uint32_t code, std::string& text) {
  const auto put = [&](std::uint32_t byte) { text += static_cast<char>(byte); };
  if (code < 0x80) return put(code);
  if (code < 0x800) {
    put(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      put(0xe0 | code >> 12);
    } else {
      put(0xf0 | code >> 18);
      put(0x80 | (code >> 12 & 0x3f));
    }
    put(0x80 | (code >> 6 & 0x3f));
  }
  put(0x80 | (code & 0x3f));
}

std::string from_utf16(std::string_view bytes, bool big_endian, const std::string& source) {
  const auto unit = [&](std::size_t at) {
    const std::uint32_t first = static_cast<std::uint8_t>(bytes[at]),
                        second = static_cast<std::uint8_t>(bytes[at + 1]);
    return big_endian ? first << 8 | second : second << 8 | first;
  };
  if (bytes.size() % 2 != 0)
    throw Error(fmt::format("'{}' is UTF-16 and ends within a character; save it as UTF-8", source));
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    std::uint32_t code = unit(at);
    if (code >= 0xd800 && code <= 0xdfff) {
      const std::uint32_t low = code <= 0xdbff && at + 2 < bytes.size() ? unit(at + 2) : 0;
      if (low < 0xdc00 || low > 0xdfff)
        throw Error(fmt::format("'{}' line {} is not valid UTF-16; save the file as UTF-8", source,
                                line_at(text, text.size())));
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at += 2;
    }
    append_utf8(code, text);
  }
  return text;
}

// Zeros in the odd bytes alone, or in the even ones alone, of at least half the characters: UTF-16 that
// carries no mark.
bool looks_like_utf16(std::string_view bytes, bool big_endian) {
  if (bytes.size() < 2 || bytes.size() % 2 != 0) return false;
  std::size_t zeros = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    if (bytes[at + (big_endian ? 1 : 0)] == 0) return false;
    if (bytes[at + (big_endian ? 0 : 1)] == 0) ++zeros;
  }
  return 2 * zeros >= bytes.size() / 2;
}

}  // namespace

std::string utf8_text(std::string_view bytes, const std::string& source) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\xFF\xFE\0\0"sv) || bytes.starts_with("\0\0\xFE\xFF"sv))
    throw Error(fmt::format("'{}' is UTF-32; save it as UTF-8", source));
  std::string text;
  if (bytes.starts_with("\xFF\xFE"sv) || bytes.starts_with("\xFE\xFF"sv)) {
    text = from_utf16(bytes.substr(2), bytes.front() == '\xFE', source);
  } else if (looks_like_utf16(bytes, false) || looks_like_utf16(bytes, true)) {
    text = from_utf16(bytes, bytes.front() == 0, source);
  } else {
    while (bytes.starts_with(kUtf8Mark)) bytes.remove_prefix(kUtf8Mark.size());
    text = bytes;
  }
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text, at);
    if (length == 0)
      throw Error(
          fmt::format("'{}' line {} is not UTF-8 (byte 0x{:02x}); save the file as UTF-8, for "
                      "Latin-1 with: iconv -f ISO-8859-1 -t UTF-8",
                      source, line_at(text, at), static_cast<std::uint8_t>(text[at])));
    if (text[at] == 0)
      throw Error(fmt::format("'{}' line {} has a byte that is 0, expected text in UTF-8", source,
                              line_at(text, at)));
    at += length;
  }
  return text;
}

std::vector<Line> lines_of(std::string_view text, const std::string& source) {
  const char end = text.find('\n') == std::string_view::npos ? '\r' : '\n';
  std::vector<Line> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t stop = std::min(text.find(end, begin), text.size());
    std::string_view line = text.substr(begin, stop - begin);
    while (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back({line, lines.size() + 1});
    if (line.find('\r') != std::string_view::npos)
      throw Error(
          fmt::format("'{}' line {} has a carriage return in its middle; save the file with one kind "
                      "of line end",
                      source, lines.size()));
    begin = stop + 1;
  }
  return lines;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

}  // namespace godwit::vision
