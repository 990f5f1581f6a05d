//! Compiles the net of digits with its weights, which its manifest names.

fn main() {
    netc::build::Config::new("../../nets/digits/digits.yaml").compile();
}
