"""Who may do what, as planned: roles and policies of the plans, and the declared matrix they are held against."""
