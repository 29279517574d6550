"""Comments on parameters, as nbdev writes them, rendered into docstrings that `help()` shows.

Docments put what a parameter is behind it: `X: Tensor, # test inputs, (n, features)`. nbdev's own pages read that and
`help()` does not, so the exported source gets numpydoc's `Parameters` and `Returns` as well.
"""
import ast
import io
import tokenize

Function = ast.FunctionDef | ast.AsyncFunctionDef


def comments(source: str) -> dict[int, str]:
    "{line: the comment on it}, of lines that also hold code."
    found, code = {}, set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            found[token.start[0]] = token.string.lstrip("# ").strip()
        elif token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
            code.add(token.start[0])
    return {line: text for line, text in found.items() if line in code}


def parameters(function: Function) -> list[tuple[ast.arg, ast.expr | None]]:
    "Every parameter of `function` with its default, in order, without self and cls."
    args = function.args
    plain = [*args.posonlyargs, *args.args]
    defaults = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
    pairs = [*zip(plain, defaults), *zip(args.kwonlyargs, args.kw_defaults)]
    pairs += [(arg, None) for arg in (args.vararg, args.kwarg) if arg]
    pairs.sort(key=lambda pair: (pair[0].lineno, pair[0].col_offset))
    return [(arg, default) for arg, default in pairs if arg.arg not in ("self", "cls")]


def sections(function: Function, said: dict[int, str]) -> list[str]:
    "The lines of `Parameters` and `Returns` that the comments in the signature of `function` give."
    lines, group, header = [], [], function.lineno
    for arg, default in parameters(function):
        last = (default or arg.annotation or arg).end_lineno
        header = max(header, last)
        group = [(a, d, line) for a, d, line in group if line == last] + [(arg, default, last)]
        if last in said and not any(line == last for line in ends_after(function, arg)):
            kinds = {kind(a, d) for a, d, _ in group}
            names = ", ".join(a.arg for a, _, _ in group) if len(kinds) == 1 else arg.arg
            lines += [names + kind(arg, default), f"    {said[last]}"]
    if lines: lines = ["Parameters", "----------", *lines]
    returned = [said[line] for line in range(header + 1, function.body[0].lineno) if line in said]
    if returned:
        lines += [""] * bool(lines) + ["Returns", "-------"]
        lines += [ast.unparse(function.returns)] if function.returns else []
        lines += [f"    {' '.join(returned)}"[0 if function.returns else 4:]]
    return lines


def ends_after(function: Function, arg: ast.arg) -> list[int]:
    "The lines on which the parameters behind `arg` end."
    pairs = parameters(function)
    place = next(i for i, (each, _) in enumerate(pairs) if each is arg)
    return [(default or each.annotation or each).end_lineno for each, default in pairs[place + 1:]]


def kind(arg: ast.arg, default: ast.expr | None) -> str:
    "` : type, default value` as numpydoc writes it, empty where there is neither."
    said = [ast.unparse(arg.annotation)] if arg.annotation else []
    said += [f"default {ast.unparse(default)}"] if default else []
    return f" : {', '.join(said)}" if said else ""


def docstring(function: Function) -> ast.Constant | None:
    "The node of the docstring of `function`, or None."
    first = function.body[0]
    is_text = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return first.value if is_text and isinstance(first.value.value, str) else None


def rendered(source: str) -> str:
    "`source` with the comments on its parameters in its docstrings too; as it is where it is no Python by itself."
    try: tree = ast.parse(source)
    except SyntaxError: return source   # a cell with a magic
    said, lines = comments(source), source.split("\n")
    functions = [node for node in ast.walk(tree) if isinstance(node, Function)]
    for function in sorted(functions, key=lambda node: node.lineno, reverse=True):
        found, first = sections(function, said), function.body[0]
        if not found or first.lineno == function.lineno: continue
        indent, node = " " * first.col_offset, docstring(function)
        text = [line.strip() for line in ast.get_docstring(function).split("\n")] + [""] if node else []
        new = [f"{indent}{line}".rstrip() for line in [*text, *found]]
        new = [f'{indent}"""{new[0].strip()}', *new[1:], f'{indent}"""']
        start = first.lineno - 1
        lines[start:first.end_lineno if node else start] = new
    return "\n".join(lines)
