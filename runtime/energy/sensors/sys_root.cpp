// Reads sysfs and procfs below directories of one's choice. No other file of godwit's energy account opens
// these paths.
#include "runtime/energy/sensors/sys_root.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <map>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

namespace fs = std::filesystem;

// No file that is read here is larger on a sane machine; /proc/stat of 1,000 CPUs has 100 kB.
constexpr std::size_t kMaxBytes = std::size_t{1} << 20;

class HostFile final : public SysFile {
 public:
  explicit HostFile(int fd) : fd_(fd) {}
  ~HostFile() override { ::close(fd_); }
  HostFile(const HostFile&) = delete;
  HostFile& operator=(const HostFile&) = delete;

  // One pread for what sysfs ever gives; more only for the long files of procfs.
  SysText read() override {
    SysText result;
    std::array<char, 4096> buffer;
    while (result.text.size() < kMaxBytes) {
      const ssize_t count =
          ::pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(result.text.size()));
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return {"", errno};
      result.text.append(buffer.data(), static_cast<std::size_t>(count));
      if (static_cast<std::size_t>(count) < buffer.size()) break;
    }
    return result;
  }

 private:
  int fd_;
};

class HostRoot final : public SysRoot {
 public:
  // Real places of paths, by how the paths begin.
  using Map = std::map<std::string, std::string>;
  HostRoot(Map map, bool running) : map_(std::move(map)), running_(running) {}

  std::unique_ptr<SysFile> open(const std::string& path, int& error) const override {
    const int fd = ::open(shown(path).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    error = fd < 0 ? errno : 0;
    if (fd < 0) return nullptr;
    struct stat status = {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(fd);
      error = EINVAL;
      return nullptr;
    }
    return std::make_unique<HostFile>(fd);
  }
  std::vector<std::string> list(const std::string& path) const override {
    std::vector<std::string> names;
    std::error_code error;
    for (fs::directory_iterator it(shown(path), error), end; !error && it != end; it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    std::ranges::sort(names);
    return names;
  }
  std::string real_path(const std::string& path) const override {
    std::error_code error;
    const fs::path real = fs::canonical(shown(path), error);
    return error ? path : real.string();
  }
  bool exists(const std::string& path) const override {
    std::error_code error;
    return fs::exists(shown(path), error);
  }
  bool dangles(const std::string& path) const override {
    std::error_code error;
    return fs::is_symlink(fs::symlink_status(shown(path), error)) && !exists(path);
  }
  int list_error(const std::string& path) const override {
    std::error_code error;
    const fs::directory_iterator listed(shown(path), error);
    return error.value();
  }
  std::optional<SysMode> mode(const std::string& path) const override {
    struct stat status = {};
    if (::stat(shown(path).c_str(), &status) != 0) return std::nullopt;
    return SysMode{status.st_mode & 07777U, status.st_uid};
  }
  int write(const std::string& path, std::string_view text) const override {
    const int fd = ::open(shown(path).c_str(), O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return errno;
    const ssize_t written = ::write(fd, text.data(), text.size());
    const int error = written < 0 ? errno : static_cast<std::size_t>(written) == text.size() ? 0 : EIO;
    // A file of a made-up tree must not keep the end of a longer value; sysfs has no length to cut.
    if (error == 0 && ::ftruncate(fd, written) != 0) errno = 0;
    ::close(fd);
    return error;
  }
  std::string shown(const std::string& path) const override {
    for (const auto& [first, directory] : map_) {
      if (path == first) return directory;
      if (path.starts_with(first + "/")) return directory + path.substr(first.size());
    }
    // Outside of what this root shows: a place that is never there.
    return (map_.empty() ? std::string() : map_.begin()->second) + "/." + path + "/.absent";
  }
  bool is_running_kernel() const override { return running_; }

 private:
  Map map_;
  bool running_;
};

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

void require_directory(const std::string& path, std::string_view option) {
  std::error_code error;
  if (!fs::is_directory(path, error)) {
    throw Error(fmt::format("{} '{}' is not a directory that can be read", option, path));
  }
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const std::string_view digits = trimmed(text);
  std::int64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (digits.empty() || error != std::errc() || stop != end) return std::nullopt;
  return value;
}

int SysRoot::write(const std::string&, std::string_view) const { return EROFS; }

SysText SysRoot::read(const std::string& path) const {
  int error = 0;
  const std::unique_ptr<SysFile> file = open(path, error);
  return file == nullptr ? SysText{"", error} : file->read();
}

std::string SysRoot::text(const std::string& path) const { return std::string(trimmed(read(path).text)); }

std::unique_ptr<SysRoot> open_sys_root(const SysDirectories& directories) {
  const SysDirectories defaults;
  if (directories.sysfs != defaults.sysfs) require_directory(directories.sysfs, "--sysfs");
  if (directories.procfs != defaults.procfs) require_directory(directories.procfs, "--procfs");
  const bool running = directories.sysfs == defaults.sysfs && directories.procfs == defaults.procfs;
  return std::make_unique<HostRoot>(
      HostRoot::Map{{"sys", without_slash(directories.sysfs)}, {"proc", without_slash(directories.procfs)}},
      running);
}

std::unique_ptr<SysRoot> open_powercap_directory(const std::string& directory) {
  require_directory(directory, "--powercap-dir");
  return std::make_unique<HostRoot>(HostRoot::Map{{"sys/class/powercap", without_slash(directory)}}, false);
}

}  // namespace godwit::energy
