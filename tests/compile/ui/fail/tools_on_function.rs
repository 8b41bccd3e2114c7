use platools::attr::tools;

/// Do it.
#[tools]
fn bad() {}

fn main() {
    bad();
}
