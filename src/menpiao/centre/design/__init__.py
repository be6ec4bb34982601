"""The design system (界面规范): page kit, styles and texts that all pages share."""
