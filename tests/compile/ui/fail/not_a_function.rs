use platools::tool;

#[tool]
struct Bad;

fn main() {
    let _ = Bad;
}
