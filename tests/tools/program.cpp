// Processes, models and images for the tests of the program.
#include "tests/tools/program.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <spawn.h>
#include <spng.h>
#include <sstream>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "importers/importer.h"
#include "tests/runtime/image/encode.h"
#include "tests/support/graph_builder.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX leaves it to the program

namespace godwit::tools {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

Json Outcome::json() const {
  Json json = Json::parse(out, nullptr, false);
  EXPECT_FALSE(json.is_discarded()) << "not JSON: " << out << "\nstderr: " << err;
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 1) << out;
  return json;
}

Outcome godwit(const std::vector<std::string>& arguments, const std::vector<std::string>& environment,
               const std::string& input) {
  std::vector<std::string> command{GODWIT_PROGRAM};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run_program(command, environment, input);
}

Outcome run_program(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                    const std::string& input) {
  const TemporaryDirectory folder;
  const std::string out = folder / "out", err = folder / "err";
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_TRUNC;
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, input.c_str(), O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, out.c_str(), kFlags, 0600);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, err.c_str(), kFlags, 0600);
  const std::string& program = command.front();
  std::vector<char*> argv;
  for (const std::string& argument : command) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  std::vector<char*> variables;
  for (const std::string& variable : environment) variables.push_back(const_cast<char*>(variable.c_str()));
  for (char** variable = environ; *variable != nullptr; ++variable) variables.push_back(*variable);
  variables.push_back(nullptr);
  pid_t child = 0;
  const int failure =
      ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), variables.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) throw std::runtime_error("cannot start " + program + ": " + std::strerror(failure));
  int status = 0;
  struct rusage usage {};
  while (::wait4(child, &status, 0, &usage) < 0 && errno == EINTR) {
  }
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(out), read_file(err),
          usage.ru_maxrss};
}

void expect_error(const Outcome& outcome, int exit_code, const std::string& words) {
  EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(outcome.err.starts_with("godwit: error: ")) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_NE(outcome.err.find(words), std::string::npos) << outcome.err << "expected: " << words;
}

engine::Graph tiny_model(const TinyModel& options) {
  support::GraphBuilder builder("tiny");
  engine::Graph& graph = builder.graph();
  const std::int64_t batch = options.batch > 0 ? options.batch : graph.symbol("N");
  const auto input = builder.input("input", Shape{batch, 3, 8, 8});
  const auto mean = builder.node("GlobalAveragePool", "mean", {input});
  const auto flat = builder.node("Flatten", "flat", {mean});
  // (4, 3): one row a class
  const auto weights =
      builder.constant("weights", Tensor::of<float>({4, 3}, {4, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0}));
  const auto bias = builder.constant("bias", Tensor::of<float>({4}, {0, 0, 0, 2}));
  auto last = builder.node("Gemm", "scores", {flat, weights, bias}, {{"transB", std::int64_t{1}}});
  if (options.softmax) last = builder.node("Softmax", "prob", {last}, {{"axis", std::int64_t{1}}});
  builder.output(last);
  if (!options.bare) {
    graph.metadata["godwit.preprocess"] = R"({"resize": 8, "crop": 8, "scale": 0.00392156862745098})";
    graph.metadata["godwit.labels"] = R"(["red", "green", "blue", "nothing"])";
  }
  return builder.build();
}

std::string save_tiny_model(const TemporaryDirectory& folder, const TinyModel& options) {
  std::string path = folder / "tiny.onnx";
  importers::save_onnx(tiny_model(options), path);
  return path;
}

std::vector<unsigned char> plain_png(unsigned char red, unsigned char green, unsigned char blue) {
  constexpr std::uint32_t kWidth = 12, kHeight = 10;
  std::vector<unsigned char> pixels;
  for (std::uint32_t i = 0; i < kWidth * kHeight; ++i) pixels.insert(pixels.end(), {red, green, blue});
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(SPNG_CTX_ENCODER),
                                                                    &spng_ctx_free);
  spng_set_option(context.get(), SPNG_ENCODE_TO_BUFFER, 1);
  spng_ihdr header{kWidth, kHeight, 8, SPNG_COLOR_TYPE_TRUECOLOR, 0, 0, 0};
  spng_set_ihdr(context.get(), &header);
  int error =
      spng_encode_image(context.get(), pixels.data(), pixels.size(), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE);
  std::size_t size = 0;
  const std::unique_ptr<void, decltype(&std::free)> bytes(spng_get_png_buffer(context.get(), &size, &error),
                                                          &std::free);
  if (error != 0) throw std::runtime_error(spng_strerror(error));
  const auto* begin = static_cast<const unsigned char*>(bytes.get());
  return {begin, begin + size};
}

std::vector<unsigned char> some_jpeg() { return test::encode_jpeg(40, 30); }

}  // namespace godwit::tools
