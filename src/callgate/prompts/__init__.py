"""What is spoken to callees and agents: written as text, built into audio once, then only played.

A *text* is a template in `texts/<language>.toml`, which an operator's directory may override. `script.script` makes of
the texts, the campaigns and the centres the list of all lines to be spoken. `build.build` has each line spoken by
espeak-ng, or takes the operator's own recording of it, and brings both to 8 kHz mono with sox. `Catalogue.load` is what
the running callgate reads.

On disk, below one directory that callgate and Asterisk see under the same path:

    archive/<sha256>.wav                      all audio that was ever in force; never changed, never removed
    sets/<version>/manifest.json              a set: each prompt's words, length and hash
    sets/<version>/<language>/<name>.wav      its prompts by name: links into the archive
    current                                   a link to the set in force, switched in one rename

A running callgate plays from the set that it loaded, and a build does not change that set. So the hash in a consent's
proof is that of the very audio that the callee heard (GDPR Art. 7(1): the controller must be able to demonstrate the
consent). The dialplan, which must speak when callgate is dead, plays `current/<language>/<name>`.
"""
