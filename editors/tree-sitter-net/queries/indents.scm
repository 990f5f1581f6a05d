; Helix and Neovim indent what stands in brackets.

[(body) (arguments) (parameters) (list) (shape)] @indent @indent.begin
["}" ")" "]"] @outdent @indent.branch @indent.end
