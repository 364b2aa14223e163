// Dividing a batch: the same bits every way, and a choice that is the same for every run.
#include "engine/batch_schedule.h"

#include <cstring>
#include <gtest/gtest.h>
#include <map>
#include <vector>

#include "engine/session.h"
#include "tests/engine/helpers.h"
#include "tests/support/random.h"

namespace godwit::engine {
namespace {

using enum BatchSchedule;
using Schedules = std::vector<BatchSchedule>;

std::shared_ptr<const Plan> small_plan(std::int64_t batch) {
  return compile(small_network())->with_shapes({{"image", {batch, 3, 9, 7}}});
}

// Large tensors first and large weights last, with two tensors alive in between.
Graph funnel() {
  GraphBuilder b;
  const ValueId image = b.input("image", {b.graph().symbol("N"), 3, 9, 7});
  const auto weights = [&](const char* name, const Shape& shape) {
    return b.constant(name, support::random_tensor(shape, 7));
  };
  const ValueId conv = b.node("Relu", "relu", {b.node("Conv", "conv", {image, weights("w", {16, 3, 1, 1})})});
  const ValueId mean = b.node("Flatten", "mean", {b.node("GlobalAveragePool", "pool", {conv})});
  const ValueId small = b.node("MaxPool", "small", {conv}, {{"kernel_shape", ints({9, 7})}});
  const ValueId most = b.node("Flatten", "most", {small});
  const ValueId left = b.node("MatMul", "left", {mean, weights("v", {16, 300})});
  const ValueId right = b.node("MatMul", "right", {most, weights("u", {16, 300})});
  b.output(b.node("Softmax", "prob", {b.node("Add", "sum", {left, right})}, {{"axis", std::int64_t{1}}}));
  return b.build();
}

std::shared_ptr<const Plan> funnel_plan(std::int64_t batch) {
  return compile(funnel())->with_shapes({{"image", {batch, 3, 9, 7}}});
}

Tensor images_of(std::int64_t batch) { return support::random_tensor({batch, 3, 9, 7}, 5); }

TEST(BatchSchedule, IsReadByItsName) {
  for (const BatchSchedule schedule : {per_layer, per_image, hybrid})
    EXPECT_EQ(parse_batch_schedule(name_of(schedule)), schedule);
  EXPECT_FALSE(parse_batch_schedule("by_chance"));
}

TEST(BatchSchedule, IsPossibleWhereEveryThreadHasAnImage) {
  EXPECT_EQ(possible_schedules(*small_plan(4), 2), (Schedules{per_image, per_layer}));
  EXPECT_EQ(possible_schedules(*small_plan(2), 3), Schedules{per_layer});
  EXPECT_EQ(possible_schedules(*compile(small_network()), 1), Schedules{per_layer});
  EXPECT_EQ(possible_schedules(*funnel_plan(4), 4), (Schedules{per_image, per_layer, hybrid}));
  const auto plan = small_plan(2);
  EXPECT_EQ(Session(plan, {.threads = 3}).schedule(), per_layer);
  EXPECT_EQ(error_of([&] { Session session(plan, {.threads = 3, .schedule = per_image}); }),
            "a batch of 2 cannot run per_image on 3 threads; use per_layer");
  EXPECT_EQ(error_of([&] { Session session(plan, {.threads = 2, .schedule = hybrid}); }),
            "a batch of 2 cannot run hybrid on 2 threads; use per_image or per_layer");
}

// With every number of left-over images.
TEST(BatchSchedule, GivesTheSameBitsEitherWay) {
  const auto one = compile(small_network());
  constexpr std::size_t kPixels = 3 * 9 * 7;
  for (const std::int64_t batch : {2, 3, 4, 5, 7, 16}) {
    const auto plan = one->with_shapes({{"image", {batch, 3, 9, 7}}});
    const Tensor images = images_of(batch);
    std::vector<float> expected;
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch); ++i) {
      const Tensor image = Tensor::of({1, 3, 9, 7}, images.values<float>().subspan(i * kPixels, kPixels));
      const Tensor alone = run_plan(one, {image})[0];
      expected.insert(expected.end(), alone.values<float>().begin(), alone.values<float>().end());
    }
    for (const int threads : {1, 2, 3, 4}) {
      for (const BatchSchedule schedule : possible_schedules(*plan, threads)) {
        Session session(plan, {.threads = threads, .schedule = schedule});
        for (int run = 0; run < 2; ++run) {
          const Tensor result = session.run({&images, 1})[0];
          EXPECT_EQ(std::memcmp(result.data(), expected.data(), result.bytes()), 0)
              << batch << " images, " << threads << " threads, " << name_of(schedule);
        }
      }
    }
  }
}

TEST(BatchSchedule, MixesImagesWithLayersWhereWeightsAreLastAndLarge) {
  for (const std::int64_t batch : {4, 5, 16}) {
    const auto plan = funnel_plan(batch);
    const Tensor images = images_of(batch);
    const Tensor expected = run_plan(plan, {images})[0];
    for (const int threads : {1, 2, 3}) {
      for (const BatchSchedule schedule : {per_image, per_layer, hybrid}) {
        Session session(plan, {.threads = threads, .profile = true, .schedule = schedule});
        for (int run = 0; run < 2; ++run) {
          EXPECT_TRUE(same_bytes(session.run({&images, 1})[0], expected)) << batch << ", " << threads;
          session.run_steps(0, plan->steps().size());
        }
      }
    }
  }
}

TEST(BatchSchedule, CutsWhereWeightsBeginToWeighMoreThanTensors) {
  const auto plan = funnel_plan(16);
  const BatchCut cut = batch_cut(*plan);
  ASSERT_GT(cut.steps, 0U);
  ASSERT_LT(cut.steps, plan->steps().size());
  for (std::size_t i = 0; i < plan->steps().size(); ++i)
    EXPECT_EQ(i >= cut.steps && plan->steps()[i].cost.weight_bytes > 0,
              plan->steps()[i].op->name == "MatMul");
  ASSERT_EQ(cut.tensors.size(), 2U);
  for (const BoundaryTensor& tensor : cut.tensors) EXPECT_EQ(tensor.image_bytes, 16 * sizeof(float));
}

TEST(BatchSchedule, IsChosenByAnEstimate) {
  EXPECT_EQ(choose_schedule(*small_plan(4), 2), per_image);
  EXPECT_EQ(choose_schedule(*funnel_plan(16), 2), hybrid) << "weights would be read 16 times";
  EXPECT_EQ(choose_schedule(*compile(small_network()), 2), per_layer);
}

TEST(BatchSchedule, ComesFromThePlanWhereThatHasOne) {
  const auto plan = small_plan(4);
  Choices choices;
  choices.schedules = {{4, 2, per_layer, {}}, {4, 1, per_image, {}}, {4, 3, hybrid, {}}};
  const auto settled = plan->with_choices(choices);
  EXPECT_EQ(Session(settled, {.threads = 2}).schedule(), per_layer);
  EXPECT_EQ(Session(settled, {.threads = 1}).schedule(), per_image);
  EXPECT_EQ(Session(settled, {.threads = 2, .schedule = per_image}).schedule(), per_image);
  EXPECT_EQ(settled_schedule(*settled, 4), nullptr);
  EXPECT_EQ(settled_schedule(*plan, 2), nullptr);
  EXPECT_EQ(error_of([&] { Session session(settled, {.threads = 3}); }),
            "a batch of 4 cannot run hybrid on 3 threads; use per_image or per_layer");
}

TEST(BatchSchedule, StaysForEveryRun) {
  for (const auto& plan : {small_plan(5), funnel_plan(16)}) {
    Session session(plan, {.threads = 2});
    const BatchSchedule first = session.schedule();
    const std::size_t bytes = session.arena_bytes();
    const Tensor images = images_of(plan->images());
    for (int run = 0; run < 20; ++run) {
      session.run({&images, 1});
      ASSERT_EQ(session.schedule(), first);
      ASSERT_EQ(session.arena_bytes(), bytes);
    }
    EXPECT_EQ(Session(plan, {.threads = 2}).schedule(), first);
  }
}

TEST(BatchSchedule, HoldsTheArenasThatItNeeds) {
  const auto plan = small_plan(4);
  const std::size_t of_batch = plan->memory().arena_bytes;
  const std::size_t of_images = 2 * plan->one_image()->memory().arena_bytes;
  EXPECT_EQ(Session(plan, {.threads = 2, .schedule = per_image}).arena_bytes(), of_images);
  EXPECT_EQ(Session(plan, {.threads = 2, .schedule = per_layer}).arena_bytes(), of_batch);
  const auto mixed = funnel_plan(4);
  EXPECT_EQ(Session(mixed, {.threads = 2, .schedule = hybrid}).arena_bytes(),
            mixed->memory().arena_bytes + 2 * mixed->one_image()->memory().arena_bytes);
}

// Trials with made-up times: the first of each schedule is slow for all and does not count.
ScheduleChoice tried(const std::map<BatchSchedule, double>& seconds,
                     std::vector<BatchSchedule>* runs = nullptr) {
  std::map<BatchSchedule, int> times;
  return try_schedules(*funnel_plan(4), 2, [&](BatchSchedule schedule) {
    if (runs != nullptr) runs->push_back(schedule);
    const int time = times[schedule]++;
    return time == 0 ? 1e-9 : seconds.at(schedule) * (time == 2 ? 1 : 2);
  });
}

TEST(ScheduleTrial, RunsEveryScheduleInTurn) {
  Schedules runs;
  const ScheduleChoice choice = tried({{per_image, 1}, {per_layer, 2}, {hybrid, 3}}, &runs);
  ASSERT_EQ(runs.size(), 12U);
  const Schedules in_turn = possible_schedules(*funnel_plan(4), 2);
  for (std::size_t run = 0; run < runs.size(); ++run) EXPECT_EQ(runs[run], in_turn[run % in_turn.size()]);
  EXPECT_EQ(choice.images, 4);
  EXPECT_EQ(choice.threads, 2);
  EXPECT_EQ(choice.schedule, per_image);
  EXPECT_EQ(choice.seconds, (std::map<BatchSchedule, double>{{per_image, 1}, {per_layer, 2}, {hybrid, 3}}));
}

TEST(ScheduleTrial, OnlyAClearlyFasterOneDisplacesImages) {
  EXPECT_EQ(tried({{per_image, 1}, {per_layer, 0.96}, {hybrid, 2}}).schedule, per_image);
  EXPECT_EQ(tried({{per_image, 1}, {per_layer, 0.94}, {hybrid, 2}}).schedule, per_layer);
  EXPECT_EQ(tried({{per_image, 1}, {per_layer, 0.94}, {hybrid, 0.93}}).schedule, hybrid);
  EXPECT_EQ(tried({{per_image, 1}, {per_layer, 0.93}, {hybrid, 0.94}}).schedule, per_layer);
  EXPECT_EQ(tried({{per_image, 1}, {per_layer, 2}, {hybrid, 0.94}}).schedule, hybrid);
}

TEST(ScheduleTrial, RunsNothingWhereOneAloneIsPossible) {
  const ScheduleChoice choice = try_schedules(*small_plan(2), 3, [](BatchSchedule) -> double {
    ADD_FAILURE();
    return 0;
  });
  EXPECT_EQ(choice.schedule, per_layer);
  EXPECT_TRUE(choice.seconds.empty());
}

TEST(ScheduleTrial, SettlesASession) {
  const auto plan = funnel_plan(5);
  const Tensor images = images_of(5);
  const Tensor expected = run_plan(plan, {images})[0];
  for (const BatchSchedule before : {per_image, per_layer, hybrid}) {
    Session session(plan, {.threads = 2, .profile = true, .schedule = before});
    session.run({&images, 1});
    const ScheduleChoice choice = session.tune({&images, 1});
    EXPECT_EQ(choice.seconds.size(), 3U);
    EXPECT_EQ(session.schedule(), choice.schedule);
    EXPECT_EQ(session.arena_bytes(),
              Session(plan, {.threads = 2, .schedule = choice.schedule}).arena_bytes());
    EXPECT_EQ(session.profile()[0].runs, 1) << "trials are not profiled";
    for (int run = 0; run < 3; ++run) {
      EXPECT_TRUE(same_bytes(session.run({&images, 1})[0], expected));
      EXPECT_EQ(session.schedule(), choice.schedule);
    }
    session.run_steps(0, plan->steps().size());
  }
  Session session(plan, {.threads = 2});
  EXPECT_EQ(error_of([&] { session.tune({}); }), "0 inputs were given, the model has 1");
}

}  // namespace
}  // namespace godwit::engine
