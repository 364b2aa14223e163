// A library to be loaded in front of the program under test: sends it a signal at a chosen call, so that the
// moment depends on no clock. SIGNAL_AT_CALL names the call and its count: "open:.png:3" is the third time
// that a path with .png in it is opened, "clock:100" the hundredth look at the clock, "poll:2" the second
// poll(). SIGNAL_NUMBER is the signal (SIGINT), SIGNAL_TIMES how many are sent (1).
#include <atomic>
#include <csignal>
#include <cstdarg>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>

namespace {

// The order in SIGNAL_AT_CALL.
struct Moment {
  const char* call = nullptr;
  std::size_t call_size = 0;
  const char* part = "";  // of the path
  std::size_t part_size = 0;
  long count = 0;
};

const Moment& moment() {
  static const Moment wanted = [] {
    Moment m;
    const char* text = std::getenv("SIGNAL_AT_CALL");
    if (text == nullptr) return m;
    const char *first = std::strchr(text, ':'), *last = std::strrchr(text, ':');
    if (first == nullptr) return m;
    m.call = text;
    m.call_size = static_cast<std::size_t>(first - text);
    if (last != first) {
      m.part = first + 1;
      m.part_size = static_cast<std::size_t>(last - first - 1);
    }
    m.count = std::atol(last + 1);
    return m;
  }();
  return wanted;
}

long number(const char* name, long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atol(text);
}

bool contains(const char* path, const char* part, std::size_t size) {
  for (; std::strlen(path) >= size; ++path) {
    if (std::strncmp(path, part, size) == 0) return true;
  }
  return false;
}

void called(const char* call, const char* path) {
  static std::atomic<long> calls{0};
  const Moment& m = moment();
  if (m.call == nullptr || std::strlen(call) != m.call_size || std::strncmp(call, m.call, m.call_size) != 0)
    return;
  if (m.part_size > 0 && !contains(path, m.part, m.part_size)) return;
  if (++calls != m.count) return;
  const long times = number("SIGNAL_TIMES", 1);
  for (long i = 0; i < times; ++i) std::raise(static_cast<int>(number("SIGNAL_NUMBER", SIGINT)));
}

template <class Function>
Function* real(const char* name) {
  void* symbol = ::dlsym(RTLD_NEXT, name);
  Function* function = nullptr;
  std::memcpy(&function, &symbol, sizeof function);
  return function;
}

int open_as(const char* name, const char* path, int flags, mode_t mode) {
  called("open", path);
  return real<int(const char*, int, ...)>(name)(path, flags, mode);
}

mode_t mode_of(int flags, va_list rest) {
  return (flags & O_CREAT) != 0 ? static_cast<mode_t>(va_arg(rest, int)) : 0;
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return open_as("open", path, flags, mode);
}

int open64(const char* path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  const mode_t mode = mode_of(flags, rest);
  va_end(rest);
  return open_as("open64", path, flags, mode);
}

int clock_gettime(clockid_t clock, struct timespec* time) noexcept {
  static auto* const function = real<int(clockid_t, struct timespec*)>("clock_gettime");
  called("clock", "");
  return function(clock, time);
}

int poll(struct pollfd* files, nfds_t count, int timeout) {
  called("poll", "");
  return real<int(struct pollfd*, nfds_t, int)>("poll")(files, count, timeout);
}

}  // extern "C"
