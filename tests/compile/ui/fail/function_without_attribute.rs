use platools::tools;

fn plain() {}

fn main() {
    let _ = tools![plain];
    plain();
}
