// A stream buffer that waits for stdin and for a signal at once.
#include "tools/cli/interruptible.h"

#include <array>
#include <cerrno>
#include <fmt/format.h>
#include <poll.h>
#include <streambuf>
#include <unistd.h>

#include "tools/report/console.h"
#include "tools/report/interrupt.h"
#include "tools/report/text.h"

namespace godwit::tools {
namespace {

class StdinBuffer : public std::streambuf {
 protected:
  int_type underflow() override {
    for (;;) {
      std::array<pollfd, 2> ready{{{STDIN_FILENO, POLLIN, 0}, {interrupt_descriptor(), POLLIN, 0}}};
      const int count = ::poll(ready.data(), ready.size(), -1);
      if (interrupted() || (count < 0 && errno != EINTR)) return traits_type::eof();
      if (count < 0) continue;
      const ssize_t bytes = ::read(STDIN_FILENO, buffer_.data(), buffer_.size());
      if (bytes < 0 && errno == EINTR) continue;
      if (bytes <= 0) return traits_type::eof();
      setg(buffer_.data(), buffer_.data(), buffer_.data() + bytes);
      return traits_type::to_int_type(buffer_.front());
    }
  }

 private:
  std::array<char, 4096> buffer_{};
};

}  // namespace

std::istream& interruptible_stdin() {
  static StdinBuffer buffer;
  static std::istream stream(&buffer);
  return stream;
}

bool InterruptibleSource::next(std::string& path) {
  // Paths that arrive end with the signal, and nobody knows how many more there were.
  if (!source_.next(path)) {
    cut_short_ = cut_short_ || (source_.total() == 0 && interrupted());
    return false;
  }
  cut_short_ = cut_short_ || interrupted();
  return !cut_short_;
}

void InterruptibleSource::tell(std::size_t done, const std::string& consequence) const {
  if (!cut_short_) return;
  const std::size_t total = source_.total();
  const std::string images =
      total > 0 ? fmt::format("{} of {}", done, counted(total, "image")) : counted(done, "image");
  warning(fmt::format("{} ended the work after {}; {}", interrupt_name(), images, consequence));
}

}  // namespace godwit::tools
