//! Compiles examples of `#[tool]`, good ones and bad ones, and compares the compiler's messages.

#[test]
fn tools_compile_or_say_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
