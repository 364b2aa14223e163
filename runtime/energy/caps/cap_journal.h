// Keeps what a power cap changes, so that it is put back whatever becomes of this process. A journal is on
// disk before the first write. A guardian process restores when this one ends without having done so.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/sensors/sys_root.h"

namespace godwit::energy {

inline constexpr const char* kCapDirectory = "/run/godwit";

// One file of sysfs. Values are texts of digits, as the file spells them.
struct CapEntry {
  std::string path;     // "sys/class/powercap/intel-rapl:0/constraint_0_power_limit_uw"
  std::string found;    // before the first write; what is put back
  std::string written;  // our last value, or what the file made of it (`settled`)
  bool settled =
      false;  // false: about to be written; the file may still hold the value before, or clamp ours
  std::string previous;  // of `written`, while it is not settled
};

// The outcome of restoring one file.
struct Restored {
  enum class Outcome { put_back, unchanged, foreign, failed };
  std::string path;
  Outcome outcome;
  std::string value;  // what the file holds now
  int error = 0;      // errno where it failed
  // "power limit /sys/… put back to 65000000", …
  std::string sentence(const SysRoot& root) const;
};

// Puts back every file that still holds our value, the last changed first; leaves a value that is neither
// ours nor the one found, and says so.
std::vector<Restored> restore_entries(const SysRoot& root, const std::vector<CapEntry>& entries);

// Owns the lock, the journal and the guardian. One in a machine at a time.
class CapJournal {
 public:
  // Takes the lock below `directory`, makes it where it is not there, starts the guardian. Throws Error
  // (ErrorKind::missing) where another process caps power, or the directory cannot be written.
  CapJournal(const SysRoot& root, std::string directory);
  // Restores what is left, ends the guardian.
  ~CapJournal();
  CapJournal(const CapJournal&) = delete;
  CapJournal& operator=(const CapJournal&) = delete;

  // Writes one file: journal first, then the file, then what it read back. Returns what the file holds
  // afterwards. Throws Error (ErrorKind::missing for what may not be written, ErrorKind::failed for a write
  // that the file ignored).
  std::string set(const std::string& path, const std::string& value);
  // Puts all files back and empties the journal; what it did with each.
  std::vector<Restored> restore();

  const std::vector<CapEntry>& entries() const { return entries_; }

 private:
  void save() const;
  void end_guardian();

  const SysRoot& root_;
  std::string directory_;
  int lock_ = -1;
  int pipe_ = -1;  // the guardian reads the other end
  int guardian_ = 0;
  std::vector<CapEntry> entries_;
};

// The state that a start of the program finds.
struct Recovery {
  enum class State {
    nothing,      // no journal
    owner_alive,  // a living process caps power
    other_boot,   // limits did not survive the reboot; the journal was deleted
    restored,     // see `files`
    unreadable,   // the journal is not ours to trust, or cannot be read; see `why`
  };
  State state = State::nothing;
  std::vector<Restored> files;
  std::string why;
};
// Restores after an owner and a guardian that both died, and deletes the journal unless a file could not be
// put back.
Recovery recover_caps(const SysRoot& root, const std::string& directory = kCapDirectory);

}  // namespace godwit::energy
