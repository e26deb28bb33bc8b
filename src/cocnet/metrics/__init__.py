"""How good a picture is: similarity to the true one, by measures that say which way is better."""
