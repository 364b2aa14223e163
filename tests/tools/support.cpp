// The helpers behind the commands: tables, CSV, labels, numbers, order of probabilities.
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "tests/support/errors.h"
#include "tools/bench/measure.h"
#include "tools/bench/option_values.h"
#include "tools/cli/help.h"
#include "tools/report/text.h"
#include "tools/vision/csv.h"
#include "tools/vision/labels.h"

namespace godwit::tools {
namespace {

using Strings = std::vector<std::string>;

TEST(Csv, QuotesCommasAndLineEndsInFields) {
  const vision::CsvTable table = vision::parse_csv(
      "\xEF\xBB\xBF"
      "a,\"b\",c\r\n1,\"x, \"\"y\"\"\nz\",\r\n\n,,3",
      "t.csv");
  EXPECT_EQ(table.header, (Strings{"a", "b", "c"}));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0], (Strings{"1", "x, \"y\"\nz", ""}));
  EXPECT_EQ(table.rows[1], (Strings{"", "", "3"}));
  EXPECT_EQ(table.column("c"), 2U);
}

TEST(Csv, WhatIsWrittenIsReadBack) {
  const std::string hard = "a, \"b\"\r\nc";
  const vision::CsvTable table =
      vision::parse_csv("x,y\n" + vision::csv_field(hard) + "," + vision::csv_field("plain") + "\n", "t.csv");
  EXPECT_EQ(table.rows.at(0), (Strings{hard, "plain"}));
  EXPECT_EQ(vision::csv_field("plain"), "plain");
}

TEST(Csv, ErrorsNameTheLine) {
  EXPECT_EQ(support::error_of([] { (void)vision::parse_csv("a,b\n1,2\n\"3\n4\",5,6\n", "t.csv"); }),
            "'t.csv' line 3 has 3 fields, expected 2");
}

TEST(Labels, NamesInEveryForm) {
  const Strings expected = {"one", "two"};
  EXPECT_EQ(vision::parse_labels(R"(["one", "two"])", "t"), expected);
  EXPECT_EQ(vision::parse_labels(R"({"1": ["n2", "two"], "0": ["n1", "one"]})", "t"), expected);
  EXPECT_EQ(vision::parse_labels("one\r\ntwo\r\n", "t"), expected);
  EXPECT_EQ(vision::parse_labels("name,file\none,x\ntwo,y\n", "t"), expected);
  EXPECT_EQ(vision::parse_labels("class,name\n1,two\n0,one\n", "t"), expected);
  EXPECT_EQ(vision::parse_labels("tench, Tinca tinca\ngoldfish\n", "t").at(0), "tench, Tinca tinca");
}

TEST(Labels, BadOnesAreErrors) {
  EXPECT_NE(support::error_of([] { (void)vision::parse_labels(" \n", "t"); }), "");
  EXPECT_NE(support::error_of([] { (void)vision::parse_labels("[1, 2]", "t"); }), "");
  EXPECT_NE(support::error_of([] { (void)vision::parse_labels("{\"1\": \"a\"", "t"); }), "");
  EXPECT_NE(support::error_of([] { (void)vision::parse_labels(R"({"99999999999": "a"})", "t"); }), "");
}

TEST(Labels, ClassesWithoutANameAreNumbers) {
  EXPECT_EQ(vision::label_of({"one", ""}, 1, 1), "one");
  EXPECT_EQ(vision::label_of({"one", ""}, 0, 1), "class 0");
  EXPECT_EQ(vision::label_of({"one", ""}, 1, 0), "class 1");
  EXPECT_EQ(vision::label_of({}, 7, 0), "class 7");
}

TEST(Largest, OrdersByValueThenIndexAndPutsNanLast) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> values = {nan, 1, 3, 3, -2, nan};
  EXPECT_EQ(vision::largest(values, 3), (std::vector<std::int64_t>{2, 3, 1}));
  EXPECT_EQ(vision::largest(values, 99).size(), values.size());
}

TEST(Numbers, ForPeople) {
  EXPECT_EQ(with_prefix(0), "0");
  EXPECT_EQ(with_prefix(999), "999");
  EXPECT_EQ(with_prefix(1000), "1.00 k");
  EXPECT_EQ(with_prefix(3857973248.0), "3.86 G");
  EXPECT_EQ(with_prefix(999999), "1.00 M");
  EXPECT_EQ(with_prefix(25.6e6), "25.6 M");
}

TEST(Numbers, QuantilesInterpolate) {
  EXPECT_EQ(quantile_of({1, 2, 3, 4}, 0.5), 2.5);
  EXPECT_EQ(quantile_of({1, 2, 3}, 0.5), 2);
  EXPECT_EQ(quantile_of({5}, 0.99), 5);
  EXPECT_EQ(quantile_of({0, 10}, 0.9), 9);
}

TEST(Text, WrapsAtSpacesAndKeepsParagraphs) {
  EXPECT_EQ(wrap("one two three", 2, 9), "  one two\n  three\n");
  EXPECT_EQ(wrap("one\n\ntwo", 0, 9), "one\n\ntwo\n");
  EXPECT_EQ(one_line("bad:\n  a\n  b\tc\x1b"), "bad: a; b c ");
}

TEST(Text, TablesAlignNumbersRightAndCountCharacters) {
  Table table({{"n"}, {"name", Table::Align::left}});
  table.add({"1", "Käse"});
  table.add({"100", "x"});
  EXPECT_EQ(table.to_string(), "  n  name\n  1  Käse\n100  x\n");
}

TEST(Options, ShapesAndNames) {
  EXPECT_EQ(parse_shape("1x3x224x224", "--shape"), (Shape{1, 3, 224, 224}));
  EXPECT_NE(support::error_of([] { (void)parse_shape("", "--shape"); }), "");
  EXPECT_NE(support::error_of([] { (void)parse_shape("1x-3", "--shape"); }), "");
  EXPECT_NE(support::error_of([] { (void)parse_shape("1x1x1x1x1x1x1x1x1", "--shape"); }), "");
  EXPECT_EQ(split_named("a=b=c").name, "a=b");
  EXPECT_EQ(split_named("x.npy").name, "");
}

}  // namespace
}  // namespace godwit::tools
