"""What a site says about itself: its texts, its news, its help desk, and the scripts that it brings along."""
