"""What a controller answers for in writing: the register (GDPR Art. 30), measures (Art. 32), breaches (Art. 33)."""
