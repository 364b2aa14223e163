// The one exception type: a sentence for the user, the path that led to it, and the exit code it deserves.
#pragma once

#include <exception>
#include <string>
#include <string_view>
#include <utility>

namespace godwit {

// Whose fault it is; the program maps it to its exit code.
enum class ErrorKind {
  failed = 1,     // the work failed (disk full, out of memory)
  bad_input = 2,  // a file or an argument is wrong
  missing = 3,    // something that was required is not there
};

// what() reads "outer context: inner context: message"; every message says what is wrong and what was
// expected.
class Error : public std::exception {
 public:
  explicit Error(std::string message, ErrorKind kind = ErrorKind::bad_input)
      : message_(std::move(message)), kind_(kind) {}

  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const noexcept { return kind_; }

  // Puts "context: " in front of the message.
  void add_context(std::string_view context) { message_ = std::string(context) + ": " + message_; }

 private:
  std::string message_;
  ErrorKind kind_;
};

// Runs `work`; an Error leaving it gets the context that `describe()` (called only then) returns.
template <class Describe, class Work>
decltype(auto) with_context(const Describe& describe, const Work& work) {
  try {
    return work();
  } catch (Error& error) {
    error.add_context(describe());
    throw;
  }
}

}  // namespace godwit
