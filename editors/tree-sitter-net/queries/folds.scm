[(body) (arguments) (parameters) (list) (block_comment)] @fold
