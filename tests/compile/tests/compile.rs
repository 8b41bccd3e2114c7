//! Compiles valid and invalid uses of `#[tool]`, and compares the compiler's messages for the invalid ones.

#[test]
fn tools_compile_or_say_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
