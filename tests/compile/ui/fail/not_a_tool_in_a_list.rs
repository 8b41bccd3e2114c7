use platools::tools;

struct Plain;

fn main() {
    let _ = tools![Plain];
}
