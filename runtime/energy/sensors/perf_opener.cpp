// perf_event_open(2) for energy counters.
#include "runtime/energy/sensors/perf_opener.h"

#include <cerrno>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace godwit::energy {
namespace {

class SystemCounter final : public PerfCounter {
 public:
  explicit SystemCounter(int fd) : fd_(fd) {}
  ~SystemCounter() override { ::close(fd_); }
  SystemCounter(const SystemCounter&) = delete;
  SystemCounter& operator=(const SystemCounter&) = delete;

  bool read(std::uint64_t& count) override { return ::read(fd_, &count, sizeof count) == sizeof count; }
  int fd() const { return fd_; }

 private:
  int fd_;
};

class SystemPerf final : public PerfOpener {
 public:
  std::unique_ptr<PerfCounter> open(std::uint32_t type, std::uint64_t config, int cpu,
                                    const PerfCounter* leader, int& error) override {
    perf_event_attr attributes = {};
    attributes.size = sizeof attributes;
    attributes.type = type;
    attributes.config = config;
    const int group = leader == nullptr ? -1 : static_cast<const SystemCounter*>(leader)->fd();
    const long fd = ::syscall(SYS_perf_event_open, &attributes, -1, cpu, group, PERF_FLAG_FD_CLOEXEC);
    error = fd < 0 ? errno : 0;
    if (fd < 0) return nullptr;
    return std::make_unique<SystemCounter>(static_cast<int>(fd));
  }
};

class NoPerf final : public PerfOpener {
 public:
  std::unique_ptr<PerfCounter> open(std::uint32_t /*type*/, std::uint64_t /*config*/, int /*cpu*/,
                                    const PerfCounter* /*leader*/, int& error) override {
    error = ENOENT;
    return nullptr;
  }
};

}  // namespace

std::unique_ptr<PerfOpener> system_perf() { return std::make_unique<SystemPerf>(); }
std::unique_ptr<PerfOpener> no_perf() { return std::make_unique<NoPerf>(); }

}  // namespace godwit::energy
