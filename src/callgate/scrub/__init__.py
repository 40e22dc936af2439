"""Lead files, held against what may not be called before anybody is dialled.

    leads       how a lead file is written, and which column has the number
    judging     numbers → why each must not be called for a campaign
    stream      leads → the allowed and the blocked, byte for byte
    lawful      what lists and the law say, once for all leads that they cannot tell apart
    objections  objections, patterns and consents, of ledger and cache
    shelf       tokens, searched for many others at once

A scrub is a first sieve. Every call is decided again when it is dialled, by what is known then.
"""
