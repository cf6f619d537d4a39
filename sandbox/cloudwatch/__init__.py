"""CloudWatch: metrics, their statistics, alarms and what they set off."""
