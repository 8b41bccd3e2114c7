//! What compiles, and what does not and why.

#[test]
fn tools_compile_or_say_what_to_do() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/fail/*.rs");
}
