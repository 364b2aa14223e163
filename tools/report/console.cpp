// Writing to stdout and stderr, and the bar.
#include "tools/report/console.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "runtime/error.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

constexpr double kDrawInterval = 0.1;  // seconds between two drawings of the bar
constexpr std::size_t kBarWidth = 30;

bool is_quiet = false;

// Nobody is told where nobody reads stderr.
void write_aside(const std::string& text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

}  // namespace

void print(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout) != 0) {
    if (errno == EPIPE) throw ReaderGone();
    throw Error(fmt::format("cannot write to stdout: {}", std::strerror(errno)), ErrorKind::failed);
  }
}

void print_json(const Json& json) { print(json_text(json) + "\n"); }

void set_quiet() { is_quiet = true; }

void message(std::string_view text) {
  if (!is_quiet) warning(text);
}

void warning(std::string_view text) { write_aside(fmt::format("godwit: {}\n", one_line(text))); }

void print_aside(std::string_view text) {
  if (!is_quiet) write_aside(std::string(text));
}

void error_message(std::string_view text) { write_aside(fmt::format("godwit: error: {}\n", one_line(text))); }

Progress::Progress(std::string unit, std::size_t total)
    : unit_(std::move(unit)),
      total_(total),
      visible_(!is_quiet && total > 1 && ::isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() { clear(); }

void Progress::advance(std::size_t count) {
  done_ += count;
  if (visible_ && watch_.seconds() - drawn_at_ >= kDrawInterval) draw();
}

void Progress::show(double share, std::string_view words) {
  if (!visible_ || (drawn_at_ >= 0 && watch_.seconds() - drawn_at_ < kDrawInterval)) return;
  drawn_at_ = watch_.seconds();
  const auto filled = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * static_cast<double>(kBarWidth));
  write_aside(fmt::format("\r[{:#<{}}{:.<{}}] {}\x1b[K", "", filled, "", kBarWidth - filled, words));
}

void Progress::say(std::string_view text) {
  clear();
  warning(text);
}

void Progress::draw() {
  drawn_at_ = watch_.seconds();
  const double rate = static_cast<double>(done_) / std::max(drawn_at_, 1e-9);
  const std::size_t filled = std::min(kBarWidth, done_ * kBarWidth / total_);
  const double left = done_ > 0 ? static_cast<double>(total_ - std::min(done_, total_)) / rate : 0;
  write_aside(fmt::format("\r[{:#<{}}{:.<{}}] {}/{} {}  {:.1f}/s  {:.0f} s left \x1b[K", "", filled, "",
                          kBarWidth - filled, done_, total_, unit_, rate, left));
}

void Progress::clear() {
  if (!visible_ || drawn_at_ < 0) return;
  write_aside("\r\x1b[K");
  drawn_at_ = -1;
}

bool ImageLog::good(const std::string& path, const std::string& error,
                    const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    const std::string text = fmt::format("'{}': warning: {}", path, warning);
    if (strict_) throw Error(text + " (--strict)");
    progress_.say(text);
  }
  warned_ += warnings.empty() ? 0 : 1;
  if (error.empty()) return true;
  if (strict_) throw Error(error + " (--strict)");
  progress_.say(error);
  ++failed_;
  return false;
}

}  // namespace godwit::tools
