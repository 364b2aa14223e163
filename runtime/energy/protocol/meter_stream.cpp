// A meter's readings while they come.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <mutex>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "runtime/energy/protocol/meter.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

constexpr std::size_t kMaxBytes = std::size_t{1} << 30;
constexpr Nanoseconds kPatience = 3 * kSecond;

// A file that some program appends to, read whole when it is wanted.
class FileStream final : public MeterStream {
 public:
  explicit FileStream(std::string path) : path_(std::move(path)) {
    struct stat status = {};
    if (::access(path_.c_str(), R_OK) != 0 || ::stat(path_.c_str(), &status) != 0) {
      throw Error(fmt::format("--meter cannot read '{}': {}", path_, std::strerror(errno)));
    }
    if (!S_ISREG(status.st_mode))
      throw Error(fmt::format("--meter cannot read '{}': it is no file; fd:N and - read pipes", path_));
  }
  std::string text() override {
    const int fd = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw Error(fmt::format("--meter cannot read '{}': {}", path_, std::strerror(errno)));
    std::string text;
    char buffer[65536];
    for (ssize_t count = 0; text.size() < kMaxBytes;) {
      count = ::read(fd, buffer, sizeof buffer);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) {
        const int reason = errno;
        ::close(fd);
        throw Error(fmt::format("--meter cannot read '{}': {}", path_, std::strerror(reason)),
                    ErrorKind::failed);
      }
      if (count == 0) break;
      text.append(buffer, static_cast<std::size_t>(count));
    }
    ::close(fd);
    return text;
  }
  const std::string& name() const override { return path_; }

 private:
  std::string path_;
};

// A pipe, read by a thread so that its writer never waits.
class PipeStream final : public MeterStream {
 public:
  PipeStream(int fd, std::string name) : fd_(fd), name_(std::move(name)), thread_([this] { run(); }) {}
  ~PipeStream() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    thread_.join();
  }
  PipeStream(const PipeStream&) = delete;
  PipeStream& operator=(const PipeStream&) = delete;

  std::string text() override {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  const std::string& name() const override { return name_; }

 private:
  void run() {
    char buffer[4096];
    for (;;) {
      {
        const std::lock_guard lock(mutex_);
        if (stop_ || text_.size() >= kMaxBytes) return;
      }
      pollfd ready = {fd_, POLLIN, 0};
      if (::poll(&ready, 1, 100) <= 0) continue;
      const ssize_t count = ::read(fd_, buffer, sizeof buffer);
      if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
      if (count <= 0) return;
      const std::lock_guard lock(mutex_);
      text_.append(buffer, static_cast<std::size_t>(count));
    }
  }

  int fd_;
  std::string name_;
  std::mutex mutex_;
  bool stop_ = false;
  std::string text_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace

std::unique_ptr<MeterStream> MeterStream::open(const std::string& text) {
  if (text.starts_with("csv:") && text.size() > 4) return std::make_unique<FileStream>(text.substr(4));
  if (text == "-") return std::make_unique<PipeStream>(STDIN_FILENO, "stdin");
  if (text.starts_with("fd:")) {
    const std::optional<std::int64_t> fd = parse_integer(std::string_view(text).substr(3));
    if (fd && *fd >= 0 && *fd < 65536 && ::fcntl(static_cast<int>(*fd), F_GETFD) != -1) {
      return std::make_unique<PipeStream>(static_cast<int>(*fd), text);
    }
    throw Error(fmt::format("--meter {}: no such file descriptor is open", text));
  }
  throw Error(fmt::format("--meter '{}' is none of csv:FILE, fd:N and -", text));
}

MeterLog finish_meter(MeterStream& stream, Clock& clock, Nanoseconds unix_time, const MeterColumns& columns) {
  std::string text = stream.text();
  Nanoseconds last_news = clock.now().mono;
  for (;;) {
    // The last whole line is enough to know how far the log has come.
    const std::size_t end = text.rfind('\n');
    if (end != std::string::npos && std::count(text.begin(), text.end(), '\n') > 2) {
      const MeterLog log = parse_meter_lines(text, stream.name(), columns);
      if (!log.readings.empty() && log.readings.back().unix_time >= unix_time) break;
    }
    if (clock.now().mono - last_news > kPatience) break;
    clock.sleep(kSecond / 10);
    std::string now = stream.text();
    if (now.size() != text.size()) last_news = clock.now().mono;
    text = std::move(now);
  }
  return parse_meter_log(text, stream.name(), columns);
}

}  // namespace godwit::energy
