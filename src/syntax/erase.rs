pub fn erase_spans() {}
