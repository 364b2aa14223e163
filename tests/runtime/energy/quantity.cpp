// Measured and estimated quantities are types apart; qualities and scopes have names.
#include "runtime/energy/ledger/quantity.h"

#include <gtest/gtest.h>
#include <type_traits>

#include "runtime/energy/ledger/verdict.h"

namespace godwit::energy {
namespace {

using MeasuredJ = Measured<Joules>;
using EstimatedJ = Estimated<Joules>;

// Neither becomes the other, nor a bare number, by conversion, construction or assignment.
static_assert(!std::is_convertible_v<MeasuredJ, EstimatedJ> && !std::is_convertible_v<EstimatedJ, MeasuredJ>);
static_assert(!std::is_constructible_v<MeasuredJ, EstimatedJ>);
static_assert(!std::is_constructible_v<EstimatedJ, MeasuredJ>);
static_assert(!std::is_constructible_v<EstimatedJ, MeasuredJ, MeasuredJ, MeasuredJ>);
static_assert(!std::is_assignable_v<MeasuredJ&, EstimatedJ> && !std::is_assignable_v<EstimatedJ&, MeasuredJ>);
static_assert(!std::is_convertible_v<double, MeasuredJ> && !std::is_convertible_v<MeasuredJ, double>);
static_assert(!std::is_convertible_v<double, EstimatedJ> && !std::is_convertible_v<EstimatedJ, double>);
static_assert(!std::is_convertible_v<Joules, MeasuredJ>);
// Nor joules watts.
static_assert(!std::is_constructible_v<MeasuredJ, Measured<Watts>> &&
              !std::is_constructible_v<MeasuredJ, Watts>);

// No sum of the two.
template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
static_assert(Addable<MeasuredJ, MeasuredJ>);
static_assert(!Addable<MeasuredJ, EstimatedJ> && !Addable<EstimatedJ, MeasuredJ>);
static_assert(!Addable<MeasuredJ, Measured<Watts>> && !Addable<MeasuredJ, double>);

TEST(Quantity, ArithmeticKeepsTheUnit) {
  const MeasuredJ a(Joules{6}), b(Joules{2});
  EXPECT_EQ((a - b).value(), 4);
  EXPECT_EQ(((a + b) / 4).value(), 2);
  EXPECT_EQ(mean_power(a, 3).value(), 2);
  EXPECT_EQ(energy_of(mean_power(a, 3), 3), a);
}

TEST(Quantity, AnEstimateHasARange) {
  const EstimatedJ estimate = EstimatedJ::within_factor(Joules{8}, 4) / 2;
  EXPECT_EQ(estimate.low(), 1);
  EXPECT_EQ(estimate.middle(), 4);
  EXPECT_EQ(estimate.high(), 16);
}

TEST(Quantity, QualitiesHaveTheLedgersNames) {
  for (const char* name :
       {"measured", "measured-replay", "external", "host-attributed", "attributed", "estimate"}) {
    ASSERT_TRUE(quality_of(name)) << name;
    EXPECT_EQ(name_of(*quality_of(name)), name);
  }
  EXPECT_FALSE(quality_of("guessed"));
  EXPECT_EQ(name_of(Quality::host_attributed), "host-attributed");
}

TEST(Quantity, ScopesNameEachDomainOnce) {
  EXPECT_EQ(scope_of(std::vector{Domain::dram, Domain::package, Domain::dram}), "package+dram");
  EXPECT_EQ(scope_of(std::vector{Domain::system_battery}), "system-battery");
  EXPECT_EQ(scope_of({}), "");
}

TEST(Verdict, IsTheWorstOfItsReasons) {
  Verdict verdict;
  EXPECT_EQ(verdict.to_string(), "valid");
  verdict.suspect("drift");
  verdict.suspect("drift");
  EXPECT_EQ(verdict.to_string(), "suspect:drift");
  verdict.invalidate("counter-gap");
  verdict.suspect("busy-host");
  EXPECT_EQ(verdict.to_string(), "invalid:drift,counter-gap,busy-host");
}

}  // namespace
}  // namespace godwit::energy
