// The journal of power caps as a file, its lock, and who wrote it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/energy/caps/cap_journal.h"

namespace godwit::energy {

struct JournalFile {
  std::string boot_id;
  std::int64_t pid = 0, start = 0;  // of the owner; start in clock ticks since boot
  std::vector<CapEntry> entries;
};

// This process as the owner.
JournalFile current_journal(const SysRoot& root, const std::vector<CapEntry>& entries);
std::string boot_id(const SysRoot& root);
// Ticks from boot to the start of the process; -1 where there is none.
std::int64_t process_start(const SysRoot& root, std::int64_t pid);

// Written beside, flushed to disk, renamed. Throws Error (ErrorKind::failed).
void write_journal(const std::string& directory, const JournalFile& journal);
// nullopt where there is none. Throws Error where it cannot be trusted: owned by another user than root or
// this one, or naming a file that is no power limit.
std::optional<JournalFile> read_journal(const std::string& directory);
bool journal_exists(const std::string& directory);
void remove_journal(const std::string& directory);
// The lock's file descriptor; -1 with errno, EWOULDBLOCK where another process has it for longer than we
// wait.
int lock_journal(const std::string& directory, int wait_ms);

}  // namespace godwit::energy
