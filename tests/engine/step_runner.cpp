// A step alone computes what it computes in a run.
#include "engine/step_runner.h"

#include <fmt/format.h>

#include "tests/engine/helpers.h"

namespace godwit::engine {
namespace {

Graph two_layers() {
  GraphBuilder b;
  const ValueId image = b.input("image", {1, 5, 6, 7});
  const ValueId first = b.node("Relu", "relu", {b.conv("first", image, {9, 5, 3, 3})});
  b.output(b.conv("second", first, {4, 9, 1, 1}));
  return b.build();
}

TEST(StepRunner, ComputesTheStepOnTensorsOfItsOwn) {
  const auto plan = compile(two_layers());
  for (std::size_t i = 0; i < plan->steps().size(); ++i) {
    StepRunner one(plan, i, 1), three(plan, i, 3);
    one.run(1);
    three.run(4);
    ASSERT_EQ(one.results().size(), 1U);
    EXPECT_EQ(one.results()[0].desc(), plan->steps()[i].dst_descs[0]);
    EXPECT_TRUE(same_bytes(one.results()[0], three.results()[0])) << plan->steps()[i].name;
    bool any = false;
    for (const float value : one.results()[0].values<float>()) any |= value != 0.0F;
    EXPECT_TRUE(any) << plan->steps()[i].name;
  }
}

TEST(StepRunner, ChecksItsArguments) {
  const auto plan = compile(two_layers());
  const std::size_t steps = plan->steps().size();
  EXPECT_EQ(error_of([&] { StepRunner runner(plan, steps, 1); }),
            fmt::format("step {} of a plan that has {}", steps, steps));
  EXPECT_EQ(error_of([&] { StepRunner runner(plan, 0, -1); }),
            "-1 threads, expected 1 to 1024, or 0 for the default");
}

}  // namespace
}  // namespace godwit::engine
