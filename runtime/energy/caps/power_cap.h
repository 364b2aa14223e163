// Lowering what the CPU may draw, by one of three means, and what came of it. Everything written is put back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/energy/caps/cap_journal.h"
#include "runtime/energy/ledger/ledger.h"

namespace godwit::energy {

// powercap: watts of the packages. cpufreq: the highest frequency, the way on AMD, whose zones have no
// limits. threads: nothing of the machine is changed; the program rests for a part of the time.
enum class CapBackend { powercap, cpufreq, threads };
std::string_view name_of(CapBackend backend);
std::optional<CapBackend> cap_backend(std::string_view name);

// No limit below this part of the one found.
inline constexpr double kLowestCap = 0.3;
// After five seconds mean power must be below the cap and this much more.
inline constexpr double kCapSettleSeconds = 5, kCapTolerance = 0.05;
inline bool cap_is_effective(double mean_w, double cap_w) { return mean_w <= cap_w * (1 + kCapTolerance); }

// A file that holds a limit.
struct CapFile {
  std::string path;
  double found = 0;   // microwatts or kilohertz
  double lowest = 0;  // that may be written
  double unit =
      0;  // what a level of 1 means for this file: its own found value, or less where a twin is lower
  bool long_term = true;
};
// All files of a backend; none for threads. Throws Error (ErrorKind::missing) that says what is not there and
// which backend would work.
std::vector<CapFile> find_cap_files(const SysRoot& root, CapBackend backend);

class PowerCap {
 public:
  // Finds the files and, unless the backend is threads, takes the journal. Nothing is written yet.
  PowerCap(const SysRoot& root, CapBackend backend, const std::string& journal_directory, bool allow_raise);

  struct Applied {
    double level = 1;             // as it was asked for
    std::optional<double> watts;  // of all packages, as the files read back
    std::string note;             // where a file holds something else than asked for; else empty
  };
  // Sets all files to `level` times what was found, not below their floor. Throws Error for a level above 1
  // without allow_raise, and what CapJournal::set() throws.
  Applied apply(double level);
  // Puts all back.
  std::vector<Restored> restore();

  CapBackend backend() const { return backend_; }
  // Sum of the packages' long-term limits; nullopt for the other backends.
  std::optional<double> found_w() const { return found_w_; }
  // Part of the time in which the program may work: below 1 for threads only.
  double duty() const { return backend_ == CapBackend::threads ? level_ : 1; }

 private:
  const SysRoot& root_;
  CapBackend backend_;
  bool allow_raise_;
  std::vector<CapFile> files_;  // long-term limits first
  std::optional<double> found_w_;
  std::unique_ptr<CapJournal> journal_;
  double level_ = 1;
};

}  // namespace godwit::energy
