// The program's texts about itself, and its refusals.
#include <cstdlib>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <vector>

#include "tests/tools/program.h"

namespace godwit::tools {
namespace {

const std::vector<std::string> kCommands = {"classify", "run",    "preprocess", "bench",
                                            "accuracy", "verify", "inspect",    "explain",
                                            "convert",  "list",   "report"};

TEST(Usage, HelpNamesEveryCommandUnderItsGroup) {
  const Outcome outcome = godwit({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  for (const std::string& command : kCommands) {
    EXPECT_NE(outcome.out.find("\n  " + command + " "), std::string::npos) << command;
  }
  EXPECT_NE(outcome.out.find("\n  energy "), std::string::npos);
  for (const char* group : {"Use a model:", "Measure:", "Look inside:", "Example:"}) {
    EXPECT_NE(outcome.out.find(group), std::string::npos) << group;
  }
  EXPECT_EQ(godwit({"-h"}).out, outcome.out);
  EXPECT_EQ(godwit({"help"}).out, outcome.out);
}

class CommandHelp : public testing::TestWithParam<std::string> {};

TEST_P(CommandHelp, HasEverySectionAndFitsTheTerminal) {
  const Outcome outcome = godwit({GetParam(), "--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_TRUE(outcome.out.starts_with("godwit " + GetParam() + ": ")) << outcome.out;
  for (const char* section : {"\nUsage: godwit ", "\nArguments:\n", "\nOptions:\n", "\nExit status:\n",
                              "\nExample", "  -h, --help"}) {
    EXPECT_NE(outcome.out.find(section), std::string::npos) << section;
  }
  EXPECT_NE(outcome.out.find("\n  godwit " + GetParam() + " "), std::string::npos) << "no example line";
  std::istringstream lines(outcome.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 90U) << line;
  EXPECT_EQ(godwit({"help", GetParam()}).out, outcome.out);
}

INSTANTIATE_TEST_SUITE_P(All, CommandHelp, testing::ValuesIn(kCommands),
                         [](const auto& command) { return command.param; });

TEST(Usage, VersionTellsOfTheBuildAndOfThisMachine) {
  const Outcome outcome = godwit({"--version"});
  EXPECT_TRUE(outcome.out.starts_with("godwit " GODWIT_VERSION "\n")) << outcome.out;
  for (const char* line : {"\ncommit    ", "\ncompiler  ", "\nISAs      generic", "\nCPU       "}) {
    EXPECT_NE(outcome.out.find(line), std::string::npos) << line << outcome.out;
  }
  EXPECT_EQ(godwit({"-V"}).out, outcome.out);
}

TEST(Usage, MistakesAreOneLineAndExitTwo) {
  const TemporaryDirectory folder;
  const std::string model = save_tiny_model(folder);
  expect_error(godwit({}), 2, "no command given");
  expect_error(godwit({"clasify"}), 2, "no command 'clasify'");
  expect_error(godwit({"classify"}), 2, "MODEL is required");
  expect_error(godwit({"classify", model}), 2, "no images: pass files or folders");
  expect_error(godwit({"bench", model, "--nonsense"}), 2, "--nonsense");
  expect_error(godwit({"bench", model, "--threads", "0"}), 2, "'0' is not a whole number from 1 to 1024");
  expect_error(godwit({"bench", model, "--threads", "1025"}), 2, "from 1 to 1024");
  expect_error(godwit({"bench", model, "--threads", "two"}), 2, "'two' is not a whole number");
  expect_error(godwit({"bench", model, "--precision", "f12"}), 2,
               "'f12' is not a precision of this build; there are f32, bf16, f16 and int8");
  expect_error(godwit({"bench", model, "--precision", "int8"}), 2,
               "no layer of this model is in 8-bit numbers; 'godwit quantize' makes such a model");
  expect_error(godwit({"bench", model, "--batch", "0"}), 2,
               "'0' is neither auto nor a whole number from 1 to 1024");
  expect_error(godwit({"bench", model, "--seconds", "-1"}), 2, "not a number above 0");
  expect_error(godwit({"bench", model, "--isa", "pentium"}), 2, "pentium");
  expect_error(godwit({"bench", model, "--disable-pass", "make_faster"}), 2, "make_faster");
  expect_error(godwit({"bench", model, "--shape", "input=1x3xx8"}), 2, "is not a shape");
  expect_error(godwit({"bench", model, "--shape", "1x3x8x8"}), 2, "expected NAME=1x3x224x224");
  expect_error(godwit({"list", "everything"}), 2, "none of ops, kernels, passes, isas, knobs");
  expect_error(godwit({"bench", model}, {"GODWIT_THREADS=many"}), 2, "GODWIT_THREADS is 'many'");
}

TEST(Usage, AFullDiskBehindStdoutIsAnError) {
  const TemporaryDirectory folder;
  const Outcome outcome = godwit({"list", "ops"});
  EXPECT_EQ(outcome.exit_code, 0);
  const std::string command =
      std::string("'") + GODWIT_PROGRAM + "' list ops > /dev/full 2> '" + (folder / "err") + "'";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(List, ShowsWhatIsInTheBuild) {
  EXPECT_NE(godwit({"list", "ops"}).out.find("\nConv "), std::string::npos);
  EXPECT_NE(godwit({"list", "passes"}).out.find(" fold_batch_norm "), std::string::npos);
  EXPECT_NE(godwit({"list", "kernels"}).out.find("gemm_f32_"), std::string::npos);
  EXPECT_NE(godwit({"list", "knobs"}).out.find("\nGODWIT_ISA "), std::string::npos);
  const Json isas = godwit({"list", "isas", "--json"}).json();
  EXPECT_EQ(isas.at("schema"), "godwit.list/1");
  EXPECT_EQ(isas.at("isas").at(0).at("isa"), "generic");
  int active = 0;
  for (const Json& isa : isas.at("isas")) active += isa.at("active") == "yes" ? 1 : 0;
  EXPECT_EQ(active, 1);
}

TEST(List, TheKnobCapsTheActiveIsa) {
  const Json isas = godwit({"list", "isas", "--json"}, {"GODWIT_ISA=generic"}).json();
  EXPECT_EQ(isas.at("isas").at(0).at("active"), "yes");
}

}  // namespace
}  // namespace godwit::tools
