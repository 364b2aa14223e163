// Journal, lock and guardian of power caps.
#include "runtime/energy/caps/cap_journal.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/energy/caps/cap_journal_file.h"
#include "runtime/error.h"

namespace godwit::energy {
namespace {

// An unsettled value is ours where a clamp, or a rounding to the register's unit, may have put it.
constexpr double kRounding = 0.01;
// A guardian that is putting limits back holds the lock no longer than this.
constexpr int kGuardianMs = 1000;

bool is_ours(const CapEntry& entry, std::int64_t now) {
  const auto written = parse_integer(entry.written);
  if (!written) return false;
  if (now == *written) return true;
  if (entry.settled) return false;
  const std::int64_t before = parse_integer(entry.previous).value_or(*written);
  const auto margin = static_cast<std::int64_t>(kRounding * static_cast<double>(*written));
  return now >= std::min(before, *written) - margin && now <= std::max(before, *written) + margin;
}

Restored restore_one(const SysRoot& root, const CapEntry& entry) {
  const auto now = root.number(entry.path);
  if (!now) return {entry.path, Restored::Outcome::failed, "", root.read(entry.path).error};
  const auto found = parse_integer(entry.found);
  const std::string value = std::to_string(*now);
  if (found && *now == *found) return {entry.path, Restored::Outcome::unchanged, value, 0};
  if (!is_ours(entry, *now)) return {entry.path, Restored::Outcome::foreign, value, 0};
  const int error = root.write(entry.path, entry.found + "\n");
  if (error != 0) return {entry.path, Restored::Outcome::failed, value, error};
  return {entry.path, Restored::Outcome::put_back, entry.found, 0};
}

void say(const SysRoot& root, const std::vector<Restored>& files) {
  for (const Restored& file : files) {
    if (file.outcome == Restored::Outcome::unchanged) continue;
    const std::string line = "godwit: " + file.sentence(root) + "\n";
    (void)!::write(STDERR_FILENO, line.data(), line.size());
  }
}

// Everything but stderr, the pipe and the lock, which stays taken until the last file is back.
void close_others(int pipe, int lock) {
  std::array<int, 3> kept = {STDERR_FILENO, pipe, lock};
  std::ranges::sort(kept);
  unsigned next = 0;
  for (const int fd : kept) {
    if (fd > static_cast<int>(next)) ::close_range(next, static_cast<unsigned>(fd) - 1, 0);
    next = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(next, ~0U, 0);
}

// Waits until the owner ends or says that it is done; a journal that is still there then is put back.
[[noreturn]] void guard(const SysRoot& root, const std::string& directory, int pipe, int lock) {
  ::setsid();
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(signal, SIG_IGN);
  close_others(pipe, lock);
  char byte = 0;
  while (::read(pipe, &byte, 1) < 0 && errno == EINTR) {
  }
  try {
    if (const auto journal = read_journal(directory)) {
      const std::vector<Restored> files = restore_entries(root, journal->entries);
      const bool failed = std::ranges::any_of(
          files, [](const Restored& file) { return file.outcome == Restored::Outcome::failed; });
      if (!failed) remove_journal(directory);
      say(root, files);
    }
  } catch (const Error&) {
    ::_exit(1);
  }
  ::_exit(0);
}

// "power limit of package-0 (long_term)", "frequency limit of policy0".
std::string limit_name(const SysRoot& root, const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string zone = path.substr(0, slash), file = path.substr(slash + 1);
  if (file == "scaling_max_freq") return "frequency limit of " + zone.substr(zone.rfind('/') + 1);
  const std::string stem = file.substr(0, file.find("_power_limit_uw"));
  const std::string name = root.text(zone + "/name"), term = root.text(zone + "/" + stem + "_name");
  return fmt::format("power limit of {} ({})", name.empty() ? zone : name, term.empty() ? stem : term);
}

// "65 W", "3.5 GHz".
std::string limit_amount(const std::string& path, const std::string& value) {
  const auto number = static_cast<double>(parse_integer(value).value_or(0));
  if (path.ends_with("scaling_max_freq")) return fmt::format("{:g} GHz", number * 1e-6);
  return fmt::format("{:g} W", number * 1e-6);
}

void make_directory(const std::string& directory) {
  if (::mkdir(directory.c_str(), 0755) == 0 || errno == EEXIST) return;
  throw Error(fmt::format("cannot make '{}', where the journal of power caps lies: {}; --journal-dir names "
                          "another place",
                          directory, std::strerror(errno)),
              ErrorKind::missing);
}

}  // namespace

std::string Restored::sentence(const SysRoot& root) const {
  const std::string what = limit_name(root, path), amount = limit_amount(path, value);
  switch (outcome) {
    case Outcome::put_back:
      return fmt::format("{} put back to {}", what, amount);
    case Outcome::unchanged:
      return fmt::format("{} is as it was found, {}", what, amount);
    case Outcome::foreign:
      return fmt::format("{} was changed to {} by someone else meanwhile, and left so", what, amount);
    case Outcome::failed:
      break;
  }
  return fmt::format("{} could NOT be put back ({}): {}", what, root.shown(path), std::strerror(error));
}

std::vector<Restored> restore_entries(const SysRoot& root, const std::vector<CapEntry>& entries) {
  std::vector<Restored> files;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry)
    files.push_back(restore_one(root, *entry));
  return files;
}

CapJournal::CapJournal(const SysRoot& root, std::string directory)
    : root_(root), directory_(std::move(directory)) {
  make_directory(directory_);
  lock_ = lock_journal(directory_, kGuardianMs);
  if (lock_ < 0) {
    throw Error(errno == EWOULDBLOCK
                    ? fmt::format("another process caps power now; it holds '{}'", directory_)
                    : fmt::format("cannot lock '{}': {}", directory_, std::strerror(errno)),
                ErrorKind::missing);
  }
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0 || (guardian_ = ::fork()) < 0) {
    const int error = errno;
    if (ends[0] >= 0) ::close(ends[0]), ::close(ends[1]);
    ::close(lock_);
    throw Error(fmt::format("cannot start the guardian of power caps: {}", std::strerror(error)),
                ErrorKind::failed);
  }
  if (guardian_ == 0) {
    ::close(ends[1]);
    guard(root_, directory_, ends[0], lock_);
  }
  ::close(ends[0]);
  pipe_ = ends[1];
}

CapJournal::~CapJournal() {
  try {
    say(root_, restore());
  } catch (const Error&) {  // the guardian still has the journal
  }
  end_guardian();
  ::close(lock_);
}

void CapJournal::end_guardian() {
  ::close(pipe_);
  int status = 0;
  while (::waitpid(guardian_, &status, 0) < 0 && errno == EINTR) {
  }
}

void CapJournal::save() const { write_journal(directory_, current_journal(root_, entries_)); }

std::string CapJournal::set(const std::string& path, const std::string& value) {
  const SysText before = root_.read(path);
  if (!before.ok() || !before.number()) {
    throw Error(fmt::format("cannot read '{}': {}", root_.shown(path),
                            before.ok() ? "it holds no number" : std::strerror(before.error)),
                ErrorKind::missing);
  }
  const std::string now = std::to_string(*before.number());
  auto entry = std::ranges::find(entries_, path, &CapEntry::path);
  if (entry == entries_.end()) {
    entries_.push_back({path, now, value, false, now});
    entry = entries_.end() - 1;
  } else {
    if (now != entry->written) {
      throw Error(
          fmt::format("'{}' was changed to {} by someone else; the sweep stops", root_.shown(path), now),
          ErrorKind::failed);
    }
    entry->previous = entry->written;
    entry->written = value;
    entry->settled = false;
  }
  save();
  const int error = root_.write(path, value + "\n");
  std::string after = std::to_string(root_.number(path).value_or(-1));
  entry->written = after;
  entry->settled = true;
  save();
  if (error == EACCES || error == EPERM || error == EROFS) {
    const char* advice = error == EROFS     ? "the file system is read-only, as in a container"
                         : ::geteuid() == 0 ? "the firmware has locked it"
                                            : "only root may, so run this by sudo";
    throw Error(fmt::format("cannot write '{}': {} ({})", root_.shown(path), std::strerror(error), advice),
                ErrorKind::missing);
  }
  if (error != 0) {
    throw Error(fmt::format("cannot write {} to '{}': {}", value, root_.shown(path), std::strerror(error)),
                ErrorKind::failed);
  }
  if (after == now && value != now) {
    throw Error(
        fmt::format("'{}' ignored the write: it still holds {}, not {}", root_.shown(path), now, value),
        ErrorKind::failed);
  }
  return after;
}

std::vector<Restored> CapJournal::restore() {
  std::vector<Restored> files = restore_entries(root_, entries_);
  const bool failed = std::ranges::any_of(
      files, [](const Restored& file) { return file.outcome == Restored::Outcome::failed; });
  if (!failed) {
    entries_.clear();
    remove_journal(directory_);
  }
  return files;
}

Recovery recover_caps(const SysRoot& root, const std::string& directory) {
  Recovery recovery;
  if (!journal_exists(directory)) return recovery;
  const int lock = lock_journal(directory, 0);
  if (lock < 0) {
    if (errno == EWOULDBLOCK) {
      recovery.state = Recovery::State::owner_alive;
    } else {
      recovery.state = Recovery::State::unreadable;
      recovery.why = fmt::format(
          "a power cap is still set, and its journal in '{}' cannot be opened: {}; run "
          "'sudo godwit energy cap restore'",
          directory, std::strerror(errno));
    }
    return recovery;
  }
  try {
    const auto journal = read_journal(directory);
    if (journal && journal->boot_id != boot_id(root)) {
      recovery.state = Recovery::State::other_boot;
      remove_journal(directory);
    } else if (journal && journal->start >= 0 && process_start(root, journal->pid) == journal->start) {
      recovery.state = Recovery::State::owner_alive;
    } else if (journal) {
      recovery.state = Recovery::State::restored;
      recovery.files = restore_entries(root, journal->entries);
      const bool failed = std::ranges::any_of(
          recovery.files, [](const Restored& file) { return file.outcome == Restored::Outcome::failed; });
      if (!failed) remove_journal(directory);
    }
  } catch (const Error& error) {
    recovery.state = Recovery::State::unreadable;
    recovery.why = error.what();
  }
  ::close(lock);
  return recovery;
}

}  // namespace godwit::energy
