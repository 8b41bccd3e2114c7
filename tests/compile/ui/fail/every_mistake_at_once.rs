use platools::{tool, tools};

#[tool(naem = "x", timeout = "soon")]
fn bad<T>((a, b): (u8, u8), c: &mut u8, #[arg(range(2..1))] d: u8, _e: T) -> impl Sized {
    drop((a, b, c, d))
}

fn main() {
    let _ = tools![bad];
    let _ = bad((1, 2), &mut 3, 4, "e");
}
