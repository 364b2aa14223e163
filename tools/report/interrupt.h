// Ctrl-C and its kin: long work ends at the next image or round, and what is done so far is told.
#pragma once

#include <exception>

namespace godwit::tools {

// Leaves work that was asked to end and has nothing to tell. No failure, hence no Error.
class Interrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

// Takes SIGINT, SIGTERM and SIGHUP from here on. The first one asks for the end; the second removes files
// that are not complete and ends the program at once. Also makes a closed pipe an error of write().
void catch_interrupts();

// True from the first signal on.
bool interrupted() noexcept;
// Throws Interrupted from the first signal on.
void stop_if_interrupted();
// "SIGINT"; requires that interrupted().
const char* interrupt_name() noexcept;
// 128 + the signal, as shells have it: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP.
int interrupt_exit_code() noexcept;
// Becomes readable with the first signal; for poll(). -1 without catch_interrupts().
int interrupt_descriptor() noexcept;

}  // namespace godwit::tools
