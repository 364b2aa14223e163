// Reading and writing the journal of power caps.
#include "runtime/energy/caps/cap_journal_file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <sys/file.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include "runtime/error.h"

namespace godwit::energy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSchema = "godwit.caps/1";
constexpr std::size_t kMaxBytes = std::size_t{4} << 20;

std::string journal_path(const std::string& directory) { return directory + "/caps.json"; }

[[noreturn]] void fail(const std::string& path) {
  throw Error(fmt::format("cannot write the journal of power caps '{}': {}", path, std::strerror(errno)),
              ErrorKind::failed);
}

// Limits only: otherwise whoever can write the journal could have root write any file.
bool is_limit(const std::string& path) {
  if (!path.starts_with("sys/") || path.find("..") != std::string::npos) return false;
  const std::string name = path.substr(path.rfind('/') + 1);
  return name == "scaling_max_freq" || (name.starts_with("constraint_") && name.ends_with("_power_limit_uw"));
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 19 &&
         std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

CapEntry read_entry(const Json& json, const std::string& path) {
  CapEntry entry{json.at("path").get<std::string>(), json.at("found").get<std::string>(),
                 json.at("written").get<std::string>(), json.at("settled").get<bool>(),
                 json.at("previous").get<std::string>()};
  if (!is_limit(entry.path) || !is_number(entry.found) || !is_number(entry.written) ||
      !is_number(entry.previous))
    throw Error(fmt::format("the journal '{}' names a file or a value that no power cap has", path));
  return entry;
}

// The whole file, which must belong to root or to this user.
std::optional<std::string> read_owned(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0 && errno == ENOENT) return std::nullopt;
  if (fd < 0) throw Error(fmt::format("cannot read the journal '{}': {}", path, std::strerror(errno)));
  struct stat status = {};
  std::string text;
  const bool trusted = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
                       (status.st_uid == 0 || status.st_uid == ::geteuid());
  std::array<char, 4096> buffer;
  ssize_t count = 0;
  while (trusted && text.size() < kMaxBytes && (count = ::read(fd, buffer.data(), buffer.size())) > 0)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  ::close(fd);
  if (!trusted) throw Error(fmt::format("the journal '{}' belongs to another user, so it is not used", path));
  return text;
}

}  // namespace

std::string boot_id(const SysRoot& root) { return root.text("proc/sys/kernel/random/boot_id"); }

std::int64_t process_start(const SysRoot& root, std::int64_t pid) {
  // pid (name) state …: the start is field 22, the 20th behind the name, which may hold anything.
  const std::string stat = root.read(fmt::format("proc/{}/stat", pid)).text;
  const std::size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return -1;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string field;
  for (int i = 0; i < 20; ++i) {
    if (!(fields >> field)) return -1;
    if (i == 0 && (field == "Z" || field == "X")) return -1;  // dead, its parent has not noticed
  }
  return parse_integer(field).value_or(-1);
}

JournalFile current_journal(const SysRoot& root, const std::vector<CapEntry>& entries) {
  return {boot_id(root), ::getpid(), process_start(root, ::getpid()), entries};
}

void write_journal(const std::string& directory, const JournalFile& journal) {
  Json json = {{"schema", kSchema},
               {"boot_id", journal.boot_id},
               {"pid", journal.pid},
               {"start", journal.start},
               {"files", Json::array()}};
  for (const CapEntry& entry : journal.entries) {
    json["files"].push_back({{"path", entry.path},
                             {"found", entry.found},
                             {"written", entry.written},
                             {"settled", entry.settled},
                             {"previous", entry.previous}});
  }
  const std::string text = json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
  const std::string path = journal_path(directory), beside = path + ".new";
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) fail(beside);
  bool good = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  good = good && ::fsync(fd) == 0;
  good = ::close(fd) == 0 && good;
  if (!good || ::rename(beside.c_str(), path.c_str()) != 0) fail(path);
  // The name must be on disk as well.
  const int folder = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0 || ::fsync(folder) != 0) fail(directory);
  ::close(folder);
}

std::optional<JournalFile> read_journal(const std::string& directory) {
  const std::string path = journal_path(directory);
  const auto text = read_owned(path);
  if (!text) return std::nullopt;
  const Json json = Json::parse(*text, nullptr, false);
  try {
    if (json.is_discarded() || json.at("schema") != kSchema) throw Error("");
    JournalFile journal{json.at("boot_id").get<std::string>(),
                        json.at("pid").get<std::int64_t>(),
                        json.at("start").get<std::int64_t>(),
                        {}};
    for (const Json& entry : json.at("files")) journal.entries.push_back(read_entry(entry, path));
    return journal;
  } catch (const Json::exception&) {
    throw Error(fmt::format("'{}' is not a journal of power caps that this build can read", path));
  } catch (const Error& error) {
    if (*error.what() != '\0') throw;
    throw Error(fmt::format("'{}' is not a journal of power caps that this build can read", path));
  }
}

bool journal_exists(const std::string& directory) {
  return ::access(journal_path(directory).c_str(), F_OK) == 0;
}

void remove_journal(const std::string& directory) { ::unlink(journal_path(directory).c_str()); }

int lock_journal(const std::string& directory, int wait_ms) {
  const std::string path = directory + "/caps.lock";
  int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  // Another user's lock can be asked for by reading alone.
  if (fd < 0 && (errno == EACCES || errno == EROFS))
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return -1;
  for (int waited = 0; ::flock(fd, LOCK_EX | LOCK_NB) != 0; ++waited) {
    const int error = errno;
    if ((error == EWOULDBLOCK && waited < wait_ms) || error == EINTR) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    ::close(fd);
    errno = error;
    return -1;
  }
  return fd;
}

}  // namespace godwit::energy
