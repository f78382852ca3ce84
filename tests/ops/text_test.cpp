// SPDX-License-Identifier: Apache-2.0
#include "engine/ops/letter_case.h"
#include "engine/ops/regex.h"
#include "tests/ops/c_run_node.h"

namespace lathe::test {
namespace {

using Words = std::vector<std::string>;

bool matches(const char* pattern, std::string_view text) {
  const auto regex = Regex::compile(pattern, "test");
  EXPECT_TRUE(regex.ok()) << pattern;
  return regex.ok() && regex->matches(text);
}

TEST(Regex, MatchesWholeTexts) {
  for (const auto& [pattern, yes, no] : std::vector<std::array<const char*, 3>>{
           {"", "", "a"},
           {"a|bc", "bc", "abc"},
           {"(?:ab)*c+", "ababccc", "abab"},
           {"a{2,3}", "aaa", "aaaa"},
           {"a{2}", "aa", "a"},
           {"a{2,}?b", "aaaab", "ab"},
           {"x{,2}", "x{,2}", "xx"},
           {"[^a-c\\d]]?", "x]", "b"},
           {"[]a-]+", "a-]", "b"},
           {"[[:alpha:]_]+\\.\\w{2,}", "mail_.org", "mail.o"},
           {"(?i)straße É", "STRAßE é", "straße e"},
           {"(?i:a)b", "Ab", "AB"},
           {".", "ß", "\n"},
           {"(?s).", "\n", "ab"},
           {"\\bfoo\\b.*", "foo bar", "foobar"},
           {"(?m)a$\\n^b", "a\nb", "ab"},
           {"^a$", "a", "a\n"},
           {"\\x41\\x{263a}\\Q.*\\E\\t", "A☺.*\t", "A☺aa\t"},
           {"(?P<user>\\S+)@(\\D+)", "me@there", "me@th3re"},
           {"www.[\\w.-]+.\\bcom\\b", "www.example.com", "www.example.comx"}}) {
    EXPECT_TRUE(matches(pattern, yes)) << pattern;
    EXPECT_FALSE(matches(pattern, no)) << pattern;
  }
  EXPECT_FALSE(matches(".*", "\xff"));
}

TEST(Regex, TakesLinearTime) {
  EXPECT_FALSE(matches("(a*)*(a*)*b", std::string(20000, 'a')));
}

TEST(Regex, RefusesWhatIsNoPattern) {
  for (const char* pattern : {"(",
                              ")",
                              "a)",
                              "[a",
                              "[b-a]",
                              "*",
                              "a**",
                              "a{2,1}",
                              "a{1001}",
                              "\\",
                              "\\1",
                              "\\y",
                              "(?x)",
                              "(?P<a",
                              "[[:nope:]]",
                              "\\x{110000}",
                              "\\pL",
                              "((a{1000}){1000}){1000}",
                              "(((){1000}){1000}){1000}",
                              "\xff"})
    EXPECT_FALSE(Regex::compile(pattern, "test").ok()) << pattern;
  EXPECT_FALSE(Regex::compile(std::string(5000, '('), "test").ok());
}

TEST(LetterCase, MapsUnicodeAndKeepsBrokenText) {
  EXPECT_EQ(map_letters("aZ é Ж", to_upper), "AZ É Ж");
  EXPECT_EQ(map_letters("A\xff", to_lower), "a\xff");
}

TEST(StringConcat, Broadcasts) {
  const auto z = run_node(make_node("StringConcat", 20),
                          {Tensor::of_strings({2, 1}, {"a", "b"}), Tensor::of_strings({2}, {"x", ""})});
  ASSERT_TRUE(z.ok()) << z.error().text();
  EXPECT_EQ((*z)[0].tensor.strings(), (Words{"ax", "a", "bx", "b"}));
}

std::pair<Words, std::vector<int64_t>> split(Node node, const Words& texts) {
  Tensor input = Tensor::of_strings({static_cast<int64_t>(texts.size())}, texts);
  std::vector<RuntimeValue> values{input};
  node.inputs = {ValueId(0)};
  node.outputs = {ValueId(1), ValueId(2)};
  const std::vector<const RuntimeValue*> pointers{&values[0]};
  const auto out = run_reference(*operators().find(node), node, pointers);
  EXPECT_TRUE(out.ok());
  if (!out.ok()) return {};
  return {(*out)[0].tensor.strings(), (*out)[1].tensor.to_int64()};
}

TEST(StringSplit, DelimitersSpaceAndLimits) {
  Node node = make_node("StringSplit", 20);
  EXPECT_EQ(split(node, {"  a  b ", "", "c"}),
            (std::pair(Words{"a", "b", "", "", "c", ""}, std::vector<int64_t>{2, 0, 1})));
  node.attributes.set("maxsplit", int64_t{1});
  EXPECT_EQ(split(node, {" a b c "}), (std::pair(Words{"a", "b c "}, std::vector<int64_t>{2})));
  node.attributes.set("delimiter", std::string("--"));
  EXPECT_EQ(split(node, {"a----b", ""}), (std::pair(Words{"a", "--b", "", ""}, std::vector<int64_t>{2, 1})));
}

}  // namespace
}  // namespace lathe::test
