// Text files as people's programs write them, made UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::vision {

// The text in UTF-8 without a byte-order mark. Bytes may be UTF-8, or UTF-16 in either order, which the mark
// tells or, in text that is mostly ASCII, the zeros of every other byte. Throws Error naming `source`, line
// and way out: Latin-1 and other bytes that are not UTF-8, bytes that are 0, UTF-32.
std::string utf8_text(std::string_view bytes, const std::string& source);

struct Line {
  std::string_view text;   // without its end
  std::size_t number = 0;  // from 1
};
// Lines that end with LF, CRLF, or, in a text without LF, CR; the views point into `text`, which is UTF-8.
// Throws Error naming `source` and line where a CR is elsewhere.
std::vector<Line> lines_of(std::string_view text, const std::string& source);

// Without spaces and tabs at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace godwit::vision
