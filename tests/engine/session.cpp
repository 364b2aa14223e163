// Sessions: arguments are checked, many run side by side, answers do not depend on threads or batch.
#include "engine/session.h"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <thread>

#include "runtime/cpu.h"
#include "tests/engine/helpers.h"
#include "tests/support/compare.h"
#include "tests/support/random.h"
#include "tests/support/tolerance.h"

namespace godwit::engine {
namespace {

// A small residual network with real numbers; rounding shows any change in the order of sums.
Graph network() {
  GraphBuilder b;
  ValueId x = b.input("image", {b.graph().symbol("N"), 3, 19, 17});
  const auto conv = [&](const std::string& name, ValueId src, const Shape& weights, std::int64_t pad) {
    const ValueId w = b.constant(name + ".w", support::random_tensor(weights, 60 + b.graph().values.size()));
    const ValueId bias =
        b.constant(name + ".b", support::random_tensor({weights[0]}, 70 + b.graph().values.size()));
    return b.node("Conv", name, {src, w, bias}, {{"pads", ints({pad, pad, pad, pad})}});
  };
  x = b.node("Relu", "stem", {conv("stem.conv", x, {24, 3, 3, 3}, 1)});
  const ValueId inner = b.node("Relu", "inner", {conv("inner.conv", x, {40, 24, 1, 1}, 0)});
  x = b.node("Relu", "block", {b.node("Add", "add", {conv("outer", inner, {24, 40, 3, 3}, 1), x})});
  x = b.node("MaxPool", "pool", {x}, {{"kernel_shape", ints({2, 2})}, {"strides", ints({2, 2})}});
  x = b.node("Flatten", "flat", {b.node("GlobalAveragePool", "mean", {x})});
  const ValueId w = b.constant("fc.w", support::random_tensor({24, 10}, 90));
  x = b.node("Gemm", "fc", {x, w, b.constant("fc.b", support::random_tensor({10}, 91))});
  b.output(b.node("Softmax", "prob", {x}, {{"axis", std::int64_t{1}}}));
  return b.build();
}

const Shape kImage{1, 3, 19, 17};

TEST(Session, ChecksItsArguments) {
  const auto plan = compile(network());
  Session session(plan);
  const Tensor image = support::random_tensor(kImage, 1);
  std::vector<Tensor> results{Tensor(plan->outputs()[0].desc)};
  const auto error = [&](std::vector<Tensor> src, std::vector<Tensor> dst) {
    try {
      session.run(src, dst);
    } catch (const Error& caught) {
      EXPECT_EQ(caught.kind(), ErrorKind::bad_input);
      return std::string(caught.what());
    }
    return std::string();
  };
  EXPECT_EQ(error({image}, results), "");
  EXPECT_EQ(error({}, results), "0 inputs were given, the model has 1");
  EXPECT_EQ(error({image, image}, results), "2 inputs were given, the model has 1");
  EXPECT_EQ(error({image}, {}), "0 outputs were given, the model has 1");
  EXPECT_EQ(error({support::random_tensor({1, 3, 17, 19}, 1)}, results),
            "input 'image' is f32 1x3x17x19, expected f32 1x3x19x17");
  EXPECT_EQ(error({Tensor(TensorDesc{DType::f64, kImage, Layout::nchw})}, results),
            "input 'image' is f64 1x3x19x17, expected f32 1x3x19x17");
  EXPECT_EQ(error({support::in_layout(image, Layout::nhwc)}, results),
            "input 'image' is f32 1x3x19x17 nhwc, expected f32 1x3x19x17");
  EXPECT_EQ(error({image}, {image}), "output 'prob' is f32 1x3x19x17, expected f32 1x10");
  const auto block = std::make_shared<std::vector<float>>(3 * 19 * 17 + 1);
  const Tensor askew(image.desc(), reinterpret_cast<const std::byte*>(block->data()) + 1, block);
  EXPECT_EQ(error({askew}, results),
            "input 'image' has no memory, or memory that is not aligned to its elements");
  EXPECT_EQ(error({Tensor(image.desc(), nullptr, nullptr)}, results),
            "input 'image' has no memory, or memory that is not aligned to its elements");
}

TEST(Session, ChecksItsThreads) {
  const auto plan = compile(network());
  const auto error = [&](int threads) {
    return error_of([&] { Session session(plan, {.threads = threads}); });
  };
  EXPECT_EQ(error(-1), "-1 threads, expected 1 to 1024, or 0 for the default");
  EXPECT_EQ(error(1025), "1025 threads, expected 1 to 1024, or 0 for the default");
  EXPECT_EQ(Session(plan, {.threads = 3}).threads(), 3);
}

TEST(Session, TakesItsDefaultFromTheKnob) {
  const auto plan = compile(network());
  ASSERT_EQ(unsetenv("GODWIT_THREADS"), 0);
  EXPECT_EQ(Session(plan).threads(), usable_cores());
  ASSERT_EQ(setenv("GODWIT_THREADS", "5", 1), 0);
  EXPECT_EQ(Session(plan).threads(), 5);
  EXPECT_EQ(Session(plan, {.threads = 2}).threads(), 2);
  for (const char* wrong : {"0", "-2", "many", "2x", "1025", "99999999999"}) {
    ASSERT_EQ(setenv("GODWIT_THREADS", wrong, 1), 0);
    EXPECT_EQ(error_of([&] { Session session(plan); }),
              "GODWIT_THREADS is '" + std::string(wrong) + "', expected a number from 1 to 1024");
  }
  ASSERT_EQ(unsetenv("GODWIT_THREADS"), 0);
}

TEST(Session, AnswersAreTheSameForEveryNumberOfThreads) {
  const auto plan = compile(network());
  const std::vector<Tensor> image{support::random_tensor(kImage, 1)};
  const Tensor one = run_plan(plan, image, 1)[0];
  for (const int threads : {2, 3, 7}) {
    EXPECT_TRUE(same_bytes(run_plan(plan, image, threads)[0], one)) << threads << " threads";
  }
}

TEST(Session, AnswersAreTheSameForEveryBatch) {
  const auto one = compile(network());
  for (const std::int64_t batch : {3, 8}) {
    const auto plan = one->with_shapes({{"image", {batch, 3, 19, 17}}});
    const Tensor images = support::random_tensor({batch, 3, 19, 17}, 1);
    const Tensor together = run_plan(plan, {images}, 2)[0];
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch); ++i) {
      const auto pixels = static_cast<std::size_t>(kImage.elements());
      const Tensor image = Tensor::of(kImage, images.values<float>().subspan(i * pixels, pixels));
      const Tensor alone = run_plan(one, {image})[0];
      EXPECT_EQ(std::memcmp(alone.data(), together.values<float>().subspan(i * 10).data(), alone.bytes()), 0);
    }
  }
}

TEST(Session, ManySessionsOfOnePlanRunSideBySide) {
  const auto plan = compile(network());
  constexpr int kSessions = 4, kRuns = 20;
  std::vector<Tensor> images, expected;
  for (int i = 0; i < kSessions; ++i) {
    images.push_back(support::random_tensor(kImage, 200 + static_cast<std::uint64_t>(i)));
    expected.push_back(run_plan(plan, {images.back()})[0]);
  }
  std::vector<int> wrong(kSessions, 0);
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < kSessions; ++i) {
    callers.emplace_back([&, i] {
      Session session(plan, {.threads = 1 + static_cast<int>(i) % 3});
      for (int run = 0; run < kRuns; ++run)
        wrong[i] += same_bytes(session.run({&images[i], 1})[0], expected[i]) ? 0 : 1;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, std::vector<int>(kSessions, 0));
}

TEST(Session, WritesIntoTheCallersTensors) {
  const auto plan = compile(network());
  Session session(plan, {.threads = 2});
  const std::vector<Tensor> image{support::random_tensor(kImage, 1)};
  std::vector<Tensor> mine{Tensor(plan->outputs()[0].desc)};
  session.run(image, mine);
  const std::span<const Tensor> own = session.run(image);
  EXPECT_TRUE(same_bytes(own[0], mine[0]));
  EXPECT_NE(own[0].data(), mine[0].data());
  EXPECT_EQ(session.run(image)[0].data(), own[0].data()) << "allocated once";
}

TEST(Session, ProfilesEveryStep) {
  const auto plan = compile(network());
  Session plain(plan);
  EXPECT_TRUE(plain.profile().empty());
  Session session(plan, {.threads = 2, .profile = true});
  const std::vector<Tensor> image{support::random_tensor(kImage, 1)};
  for (int i = 0; i < 3; ++i) session.run(image);
  ASSERT_EQ(session.profile().size(), plan->steps().size());
  for (const StepTime& time : session.profile()) {
    EXPECT_EQ(time.runs, 3);
    EXPECT_GT(time.seconds, 0);
  }
  session.reset_profile();
  EXPECT_EQ(session.profile()[0].runs, 0);
  EXPECT_EQ(session.profile()[0].seconds, 0);
}

TEST(Session, ResultsAgreeWithTheReferences) {
  const Graph graph = network();
  Graph bound = graph;
  bind_input(bound, "image", kImage);
  infer_shapes(bound);
  const std::vector<Tensor> image{support::random_tensor(kImage, 1)};
  // The logits' error is at most the longest chain of sums, gamma(27 + 24 + 360 + 72 + 24 + 30), times the
  // sum of absolute values, which the layers' lengths bound (all weights and inputs are below 1); softmax has
  // slope below 1.
  const double stem = 27 + 1, inner = 24 * stem + 1, outer = 360 * inner + 1 + stem, logits = 24 * outer + 1;
  const auto bound_of = [=](const support::Element&) { return support::gamma(537) * logits; };
  support::expect_close(run_graph(graph, image)[0], evaluate_graph(bound, image)[0], bound_of);
}

}  // namespace
}  // namespace godwit::engine
