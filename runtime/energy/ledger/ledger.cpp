// The ledger as a file: reading its lines, appending one in a single piece; run ids and times.
#include "runtime/energy/ledger/ledger.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <random>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

// Closes the file at the end of a scope, which also gives its lock back.
struct OpenFile {
  int number = -1;
  explicit OpenFile(int opened) : number(opened) {}
  ~OpenFile() {
    if (number >= 0) ::close(number);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
};

[[noreturn]] void fail(const std::string& path) {
  throw Error(fmt::format("cannot append to '{}': {}", path, std::strerror(errno)), ErrorKind::failed);
}

// True when the file ends inside a line, as a crash of another program may have left it.
bool ends_inside_a_line(int file, off_t size) {
  char last = '\n';
  return size > 0 && ::pread(file, &last, 1, size - 1) == 1 && last != '\n';
}

}  // namespace

std::optional<Measured<Joules>> joules_per_image(const Record& record, bool net) {
  if (!record.energy || record.images <= 0 || record.verdict.invalid()) return std::nullopt;
  const auto images = static_cast<double>(record.images);
  if (!net) return record.energy->gross / images;
  if (!record.energy->net) return std::nullopt;
  return *record.energy->net / images;
}

std::optional<Estimated<Joules>> estimated_joules_per_image(const Record& record) {
  if (!record.estimate || record.images <= 0 || record.verdict.invalid()) return std::nullopt;
  return record.estimate->total / static_cast<double>(record.images);
}

std::vector<Record> parse_ledger(std::string_view text, const std::string& source) {
  std::vector<Record> records;
  std::size_t line = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    ++line;
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view each = text.substr(begin, end - begin);
    begin = end + 1;
    if (each.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    records.push_back(record_from_json(each, fmt::format("'{}' line {}", source, line)));
  }
  return records;
}

bool looks_like_ledger(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  return begin != std::string_view::npos && text[begin] == '{';
}

void append_record(const std::string& path, const Record& record) {
  const OpenFile file(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0666));
  // A pipe or a terminal may be written only.
  const OpenFile stream(file.number >= 0 ? -1 : ::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  const int number = file.number >= 0 ? file.number : stream.number;
  if (number < 0) fail(path);
  struct stat status {};
  if (::fstat(number, &status) != 0) fail(path);
  const bool regular = S_ISREG(status.st_mode);
  if (regular) {
    while (::flock(number, LOCK_EX) != 0) {
      if (errno != EINTR) fail(path);
    }
    if (::fstat(number, &status) != 0) fail(path);  // another process may have appended meanwhile
  }
  std::string line = to_json_text(record) + "\n";
  if (regular && ends_inside_a_line(number, status.st_size)) line.insert(line.begin(), '\n');
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t written = ::write(number, line.data() + done, line.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int reason = errno;
      // Takes back a part of a line, so that the file still ends with a whole one.
      if (regular && ::ftruncate(number, status.st_size) != 0) errno = reason;
      errno = reason;
      fail(path);
    }
    done += static_cast<std::size_t>(written);
  }
}

std::string new_run_id() {
  // Crockford's base 32: 48 bits of milliseconds, then 80 random ones.
  constexpr std::string_view kDigits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  auto milliseconds =
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
  std::string id(26, '0');
  for (std::size_t i = 10; i-- > 0; milliseconds >>= 5U) id[i] = kDigits[milliseconds & 31U];
  std::random_device random;
  for (std::size_t i = 10; i < id.size(); ++i) id[i] = kDigits[random() & 31U];
  return id;
}

std::string utc_time() { return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr))); }

}  // namespace godwit::energy
