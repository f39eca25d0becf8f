"""What pip writes only to its log, observed: the pages of indexes that give no answer, and impossible resolves."""
