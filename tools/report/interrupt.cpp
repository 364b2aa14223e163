// A flag and a pipe that a signal handler may touch.
#include "tools/report/interrupt.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <unistd.h>

#include "runtime/output_file.h"

namespace godwit::tools {
namespace {

std::atomic<int> first_signal{0};
int wake_pipe[2] = {-1, -1};

static_assert(std::atomic<int>::is_always_lock_free);

void handle(int signal) {
  const int error = errno;
  int none = 0;
  if (!first_signal.compare_exchange_strong(none, signal)) {
    remove_incomplete_files();
    // Whatever bar stands there would stay in the line of the shell's prompt.
    if (::isatty(STDERR_FILENO) == 1) (void)!::write(STDERR_FILENO, "\r\x1b[K", 4);
    ::_exit(128 + signal);
  }
  (void)!::write(wake_pipe[1], "", 1);
  errno = error;
}

void set_handler(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void catch_interrupts() {
  if (::pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) != 0) wake_pipe[0] = wake_pipe[1] = -1;
  // A shell without job control ignores SIGINT for what runs in its background, yet whoever sends one means
  // it.
  for (const int signal : {SIGINT, SIGTERM}) set_handler(signal, handle);
  struct sigaction hangup {};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) set_handler(SIGHUP, handle);
  // A handler, as programs that are started would inherit SIG_IGN.
  set_handler(SIGPIPE, [](int) {});
}

bool interrupted() noexcept { return first_signal.load(std::memory_order_relaxed) != 0; }

void stop_if_interrupted() {
  if (interrupted()) throw Interrupted();
}

const char* interrupt_name() noexcept {
  const int signal = first_signal.load();
  return signal == SIGTERM ? "SIGTERM" : signal == SIGHUP ? "SIGHUP" : "SIGINT";
}

int interrupt_exit_code() noexcept { return 128 + first_signal.load(); }

int interrupt_descriptor() noexcept { return wake_pipe[0]; }

}  // namespace godwit::tools
