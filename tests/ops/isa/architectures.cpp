// Every function of every architecture against scalar code, on all ISAs that this machine runs.
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "runtime/cpu.h"
#include "tests/ops/isa/probes.h"

namespace godwit::ops::probe {
namespace {

Checks all_checks() {
  Checks all = float_checks();
  all.merge(integer_checks());
  all.merge(stored_checks());
  return all;
}

class Architectures : public ::testing::TestWithParam<OfIsa<Probes>> {};

TEST_P(Architectures, DoWhatScalarCodeDoes) {
  if (!cpu_supports(GetParam().isa)) GTEST_SKIP() << "this machine cannot run " << name_of(GetParam().isa);
  const Checks checks = all_checks();
  for (int i = 0; i < GetParam().kernels->count; ++i) {
    const Probe& probe = GetParam().kernels->probes[i];
    for (int k = 0; k < probe.count; ++k) {
      const auto check = checks.find(probe.functions[k].name);
      ASSERT_NE(check, checks.end()) << probe.functions[k].name << " has no check";
      check->second(probe, probe.functions[k]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AllIsas, Architectures,
                         ::testing::ValuesIn(all_probes().begin(), all_probes().end()),
                         [](const auto& each) { return std::string(name_of(each.param.isa)); });

TEST(ArchitectureProbes, CoverEveryIsaAndEveryCheck) {
  std::set<Isa> isas;
  std::set<std::string_view> functions;
  for (const OfIsa<Probes>& each : all_probes()) {
    isas.insert(each.isa);
    for (int i = 0; i < each.kernels->count; ++i) {
      const Probe& probe = each.kernels->probes[i];
      for (int k = 0; k < probe.count; ++k) functions.insert(probe.functions[k].name);
    }
  }
  for (const Isa isa : isas_of_build()) EXPECT_TRUE(isas.contains(isa)) << name_of(isa);
#if defined(__x86_64__)
  // Elsewhere no architecture may have what is optional.
  for (const auto& [name, check] : all_checks()) EXPECT_TRUE(functions.contains(name)) << name;
#endif
}

}  // namespace
}  // namespace godwit::ops::probe
