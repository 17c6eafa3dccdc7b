"""`vatwatch completion`: the shell completes commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

# As pyproject.toml names the program, and as click derives it from that name.
PROGRAM, VARIABLE = "vatwatch", "_VATWATCH_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that makes SHELL complete commands, options and their values.

    \b
    bash:  vatwatch completion bash > ~/.local/share/bash-completion/completions/vatwatch
    zsh:   vatwatch completion zsh > DIRECTORY/_vatwatch    (one of your $fpath)
    fish:  vatwatch completion fish > ~/.config/fish/completions/vatwatch.fish

    In the shell that runs now: eval "$(vatwatch completion bash)".
    """
    found = get_completion_class(shell)
    assert found is not None, "click knows the three shells"
    click.echo(found(ctx.find_root().command, {}, PROGRAM, VARIABLE).source())
