"""What other programs call our options.

Enters: a word, with dashes as on the command line. Leaves: our own options with that meaning.
"""

WORDS: dict[str, tuple[str, ...]] = {
    "--f-stop": ("--f-number",),
    "--fstop": ("--f-number",),
    "--stop": ("--f-number",),
    "--aperture": ("--f-number",),
    "--strength": ("--blur",),
    "--intensity": ("--blur",),
    "--amount": ("--blur",),
    "--radius": ("--blur",),
    "--bokeh": ("--blur",),
    "--bokeh-strength": ("--blur",),
    "--background-blur": ("--blur",),
    "--blur-strength": ("--blur",),
    "--focal-length": ("--focal-length-mm",),
    "--focus-distance": ("--focus-m",),
    "--mask": ("--subject", "--keep"),
    "--subject-mask": ("--subject",),
    "--mask-out": ("--save-mask",),
    "--depth-out": ("--save-depth",),
    "--protect": ("--keep",),
    "--kernel": ("--aperture-image",),
    "--shape": ("--aperture-image", "--aperture-blades"),
    "--anamorphic": ("--squeeze",),
    "--preset": ("--settings",),
    "--depth-map": ("--depth",),
    "--blades": ("--aperture-blades",),
    "--noise": ("--grain",),
    "--output": ("--out",),
}


def meant_by(word: str, known: list[str]) -> str | None:
    """Our options for a word of others, as far as they are known here: "--subject or --keep"; else None."""
    found = [option for option in WORDS.get(word.replace("_", "-").lower(), ()) if option in known]
    return " or ".join(found) or None
