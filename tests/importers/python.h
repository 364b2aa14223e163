// ONNX's own Python package, where Debian's python3-onnx is installed, as a second opinion on what is
// written.
#pragma once

#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace godwit::importers::test {

// The exit status of python3 running this text with one argument; 127 where there is no python3.
inline int run_python(const char* script, const std::string& argument) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/usr/bin/python3", "python3", "-c", script, argument.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline bool python_has_onnx() {
  return run_python("import importlib.util, sys; sys.exit(importlib.util.find_spec('onnx') is None)", "") ==
         0;
}

}  // namespace godwit::importers::test
