// The one way to sysfs and procfs: real directories that --sysfs and --procfs name, or files that a test
// makes up.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace godwit::energy {

// A number as files of sysfs spell it: whole, decimal, perhaps signed, ended by white space or nothing;
// nullopt for anything else ("nan", "", "12x", more than 63 bits).
std::optional<std::int64_t> parse_integer(std::string_view text);
// The text without white space at its ends.
std::string_view trimmed(std::string_view text);

// The result of a read: the text, or the errno that it failed with.
struct SysText {
  std::string text;
  int error = 0;  // 0: read

  bool ok() const { return error == 0; }
  // The whole text as a number.
  std::optional<std::int64_t> number() const { return ok() ? parse_integer(text) : std::nullopt; }
};

// A file that stays open and is read again and again, each time from its beginning.
class SysFile {
 public:
  virtual ~SysFile() = default;
  virtual SysText read() = 0;
};

// Permissions of a file.
struct SysMode {
  unsigned mode = 0;  // permission bits
  unsigned owner = 0;
};

// Paths are relative and begin with sys/ or proc/: "sys/class/powercap/intel-rapl:0/name".
class SysRoot {
 public:
  virtual ~SysRoot() = default;

  // Opens a file; where that fails, null and the errno in `error`.
  virtual std::unique_ptr<SysFile> open(const std::string& path, int& error) const = 0;
  // Names in a directory, sorted; empty where there is none or it is not to be read.
  virtual std::vector<std::string> list(const std::string& path) const = 0;
  // The same for every path to the same file or directory, whatever links lead there; `path` itself where
  // absent.
  virtual std::string real_path(const std::string& path) const = 0;
  virtual bool exists(const std::string& path) const = 0;
  // True for a link whose target is not there.
  virtual bool dangles(const std::string& path) const = 0;
  // 0, or the errno that listing a directory fails with.
  virtual int list_error(const std::string& path) const = 0;
  virtual std::optional<SysMode> mode(const std::string& path) const = 0;
  // Writes the whole text in one piece to a file that is there; 0, or the errno of what failed. Only power
  // caps are ever written.
  virtual int write(const std::string& path, std::string_view text) const;
  // The path as a person types it: "/sys/class/powercap".
  virtual std::string shown(const std::string& path) const = 0;
  // True when both roots are the running kernel's own, so that its system calls speak of the same machine.
  virtual bool is_running_kernel() const = 0;

  // Opens, reads once, closes.
  SysText read(const std::string& path) const;
  // Trimmed content; empty where it cannot be read.
  std::string text(const std::string& path) const;
  std::optional<std::int64_t> number(const std::string& path) const { return read(path).number(); }
};

// Directories in place of /sys and /proc.
struct SysDirectories {
  std::string sysfs = "/sys";
  std::string procfs = "/proc";
};

// Throws Error (ErrorKind::bad_input) where a directory that is not the default does not exist.
std::unique_ptr<SysRoot> open_sys_root(const SysDirectories& directories = {});

// A single directory seen as a SysRoot: "DIR/x" is "sys/class/powercap/x" (a tree that a hypervisor exports).
std::unique_ptr<SysRoot> open_powercap_directory(const std::string& directory);

}  // namespace godwit::energy
